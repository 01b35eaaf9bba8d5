import { isDeepStrictEqual } from "node:util";
import type { Config } from "../config/config.js";
import { spellAddress } from "../config/show.js";

/** What a new configuration changes, in words for the owner. */
export interface Plan {
  /** One line for each change that takes effect; empty when nothing differs. */
  readonly changes: readonly string[];
  /** Keys whose new value waits for a restart; the old one stays in force. */
  readonly restartNeeded: readonly string[];
}

type Sandbox = Config["exec"]["sandbox"];

const restartKeys = { stateDir: "state_dir", runtimeDir: "runtime_dir" } as const;

/** Compares the configuration in force with the next one. Secrets never appear: only that one changed. */
export function planChange(current: Config, next: Config): Plan {
  const changes = [
    ...workspaceChanges(current, next),
    ...changed("hostname", current.hostname, next.hostname),
    ...changed("listen", spellAddress(current.listen), spellAddress(next.listen)),
    ...changed("auth.mode", current.auth.mode, next.auth.mode),
    ...changed("auth.token_file", current.auth.tokenFile, next.auth.tokenFile),
    ...(current.auth.token === next.auth.token ? [] : ["auth.token: another value"]),
    ...(isDeepStrictEqual(current.auth.oauth, next.auth.oauth) ? [] : ["auth: other settings of sign-in"]),
    ...tunnelChanges(current, next),
    ...changed("allowed_origins", list(current.allowedOrigins), list(next.allowedOrigins)),
    ...changed("limits", JSON.stringify(current.limits), JSON.stringify(next.limits)),
    ...changed("exec.permission_mode", current.exec.permissionMode, next.exec.permissionMode),
    ...changed("exec.approvals", current.exec.approvals, next.exec.approvals),
    ...sandboxChanges(current.exec.sandbox, next.exec.sandbox),
    ...changed("view_image", current.viewImage, next.viewImage),
    ...changed("log.level", current.log.level, next.log.level),
    ...changed("audit", JSON.stringify(current.audit), JSON.stringify(next.audit)),
    ...changed(
      "metrics.listen",
      current.metrics.listen && spellAddress(current.metrics.listen),
      next.metrics.listen && spellAddress(next.metrics.listen),
    ),
  ];
  const restartNeeded = (["stateDir", "runtimeDir"] as const)
    .filter((key) => current[key] !== next[key])
    .map((key) => restartKeys[key]);
  return { changes, restartNeeded };
}

function workspaceChanges(current: Config, next: Config): string[] {
  const before = new Map(current.workspaces.map((workspace) => [workspace.id, workspace]));
  const after = new Map(next.workspaces.map((workspace) => [workspace.id, workspace]));
  const lines: string[] = [];
  for (const { id, path, profile, exec } of next.workspaces) {
    const old = before.get(id);
    if (old === undefined) lines.push(`workspace ${id} added: ${path} (${profile})`);
    else {
      if (old.path !== path) lines.push(`workspace ${id}: ${old.path} -> ${path}`);
      if (old.profile !== profile) lines.push(`workspace ${id}: ${old.profile} -> ${profile}`);
      const [before, after] = [list(old.exec.path), list(exec.path)];
      lines.push(...changed(`workspace ${id}: exec.path`, before, after));
      if (!isDeepStrictEqual(old.exec.env, exec.env)) lines.push(`workspace ${id}: exec.env: other values`);
    }
  }
  for (const { id } of current.workspaces) if (!after.has(id)) lines.push(`workspace ${id} removed`);
  const order = (config: Config): string => config.workspaces.map(({ id }) => id).join(" ");
  if (lines.length === 0 && order(current) !== order(next))
    lines.push(`default workspace is ${next.workspaces[0].id}`);
  return lines;
}

function sandboxChanges(before: Sandbox, after: Sandbox): string[] {
  return [
    ...changed("exec.sandbox.minimum", before.minimum, after.minimum),
    ...changed("exec.sandbox.network", before.network, after.network),
    ...changed("exec.sandbox.read", list(before.read), list(after.read)),
    ...changed("exec.sandbox.write", list(before.write), list(after.write)),
  ];
}

function changed(key: string, before: unknown, after: unknown): string[] {
  return before === after ? [] : [`${key}: ${before ?? "none"} -> ${after ?? "none"}`];
}

function list(items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : items.join(" ");
}

function tunnelChanges(current: Config, next: Config): string[] {
  const [before, after] = [current, next].map(({ tunnel }) => tunnel && `provider ${tunnel.provider}`);
  if (before !== after) return changed("tunnel", before ?? "absent", after ?? "absent");
  return isDeepStrictEqual(current.tunnel, next.tunnel) ? [] : ["tunnel: other settings"];
}
