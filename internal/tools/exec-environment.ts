import type { ExecEnvironment, PermissionMode } from "../config/config.js";
import type { SandboxStatus } from "../sandbox/types.js";
import { readOnly } from "./annotations.js";
import type { Tool } from "./types.js";

/** Where and how the commands of one workspace run. */
export interface ExecFacts {
  readonly permissionMode: PermissionMode;
  readonly networkAllowed: boolean;
  /** Lasting directories of the workspace; commands see them as the user's home, /tmp and ~/.cache. */
  readonly runtimeDir: string;
  readonly home: string;
  readonly tmpdir: string;
  readonly cacheDir: string;
  readonly environment: ExecEnvironment;
  readonly sandbox: SandboxStatus;
  readonly retention: { readonly buffer_bytes_per_stream: number; readonly head_bytes_per_stream: number };
}

/** The fields that `server_info` and `check_exec_environment` share. */
export function execPlace(facts: ExecFacts): Record<string, unknown> {
  return {
    network_allowed: facts.networkAllowed,
    runtime_dir: facts.runtimeDir,
    home: facts.home,
    tmpdir: facts.tmpdir,
    cache_dir: facts.cacheDir,
  };
}

/** `check_exec_environment`: how commands are confined, as the last self-test found it. */
export function checkExecEnvironmentTool({
  execFacts,
}: {
  readonly execFacts: (workspaceId: string) => ExecFacts;
}): Tool {
  return {
    name: "check_exec_environment",
    title: "Check exec environment",
    description: "Shows how commands are confined and what the sandbox's self-test found.",
    inputSchema: { type: "object", properties: {}, additionalProperties: false },
    annotations: readOnly,
    profile: "read-only",
    lane: "fast",
    run({ workspace }) {
      const facts = execFacts(workspace.id);
      const { level, probes, reason, checkedAt } = facts.sandbox;
      const held = probes.filter(({ outcome }) => outcome === "held").length;
      const structured = {
        ok: true,
        workspace: workspace.path,
        permission_mode: facts.permissionMode,
        ...execPlace(facts),
        landlock_enabled: false,
        landlock_abi: null,
        global_tmp_write: "blocked",
        sandbox: { level, reason: reason ?? null, checked_at: checkedAt, probes },
        warnings: reason === undefined ? [] : [reason],
      };
      const text = [
        `sandbox: ${level}, ${held} of ${probes.length} probes held${reason === undefined ? "" : ` (${reason})`}`,
        `permission mode: ${facts.permissionMode}`,
        `network: ${facts.networkAllowed ? "open" : "closed; commands of a workspace reach each other on loopback"}`,
      ].join("\n");
      return { content: [{ type: "text", text }], structured };
    },
  };
}
