import { type BigIntStats, fstatSync, statSync } from "node:fs";
import type { Authenticator } from "../auth/authenticator.js";
import type { SignIn } from "../auth/oauth/server.js";
import type { Config, WorkspaceConfig } from "../config/config.js";
import { realPath } from "../config/folders.js";
import { tunnelFiles } from "../config/tunnel.js";
import { Fault } from "../errs/errs.js";
import { createRequestGate } from "../httpd/gate.js";
import type { HttpSnapshot } from "../httpd/handler.js";
import type { CallDeps } from "../mcp/call.js";
import type { McpSnapshot } from "../mcp/http.js";
import { createViews, type InstructionsFor } from "../mcp/view.js";
import { buildCatalogue, type Catalogue } from "../tools/catalogue.js";
import type { Tool } from "../tools/types.js";
import { openRoot, type Root } from "../workspace/root.js";
import type { Workspace } from "../workspace/workspace.js";
import { serverCard } from "./card.js";
import { createLease, type Lease, type Shared, share } from "./lease.js";

/** Everything requests are answered from, made of one configuration and replaced whole. */
export interface Snapshot extends HttpSnapshot, McpSnapshot {
  readonly config: Config;
  /** The bearer token in force, to tell whether a reload brings another. */
  readonly token: string | undefined;
  readonly workspaces: readonly Workspace[];
  /** The workspaces' roots by configured path; the next snapshot takes over those that stay. */
  readonly roots: ReadonlyMap<string, Shared<Root>>;
  /** What the roots keep out, and the links by which it was found. */
  readonly closed: readonly string[];
  /** What a client that may do all this configuration allows would see. */
  readonly catalogue: Catalogue;
  /** Keeps the roots open while a request works in them; retired when another snapshot takes over. */
  readonly lease: Lease;
}

export interface SnapshotParts {
  readonly config: Config;
  readonly token: string | undefined;
  readonly auth: Authenticator;
  readonly signIn: SignIn | undefined;
  readonly roots: ReadonlyMap<string, Shared<Root>>;
  readonly closed: readonly string[];
  /** Lets go of the roots. */
  readonly onRetired: () => void;
  readonly tools: readonly Tool[];
  readonly instructions: InstructionsFor;
  readonly calls: CallDeps;
}

/** Puts the parts together. The caller holds the roots; `onRetired` runs when it is retired and its last request has ended. */
export function createSnapshot(parts: SnapshotParts): Snapshot {
  const { config, roots, tools, instructions } = parts;
  const workspaces = config.workspaces.flatMap(({ id, path, profile }) => {
    const root = roots.get(path)?.value;
    return root === undefined ? [] : [{ id, path: root.path, profile, root }];
  });
  const catalogue = buildCatalogue(
    tools,
    workspaces.map((workspace) => ({ workspace, profile: workspace.profile })),
  );
  return {
    config,
    token: parts.token,
    auth: parts.auth,
    signIn: parts.signIn,
    calls: parts.calls,
    workspaces,
    roots,
    closed: parts.closed,
    catalogue,
    gate: createRequestGate(config),
    card: serverCard(config, catalogue, parts.signIn),
    views: createViews({ workspaces, tools, instructions }),
    lease: createLease(parts.onRetired),
  };
}

/**
 * Opens the root of every workspace of `config`; one that `held` has open on the same folder is taken over, and so is one
 * whose path leads elsewhere by now. What is at or below a path of `closed` is reached through none. All or none: when one
 * cannot be opened, those opened here are closed again.
 */
export function openRoots(
  { workspaces }: Config,
  held: ReadonlyMap<string, Shared<Root>>,
  closed: readonly string[],
): Map<string, Shared<Root>> {
  const roots = new Map<string, Shared<Root>>();
  const opened: Root[] = [];
  try {
    for (const workspace of workspaces) {
      const { path, real } = workspace;
      const old = held.get(path);
      if (old !== undefined && old.value.path === real && !isReplaced(old.value, workspace)) {
        roots.set(path, old);
        continue;
      }
      const root = openUnmoved(workspace, closed);
      opened.push(root);
      roots.set(
        path,
        share(root, () => root.close()),
      );
    }
    return roots;
  } catch (error) {
    for (const root of opened) root.close();
    throw error;
  }
}

/** What no client may reach even if it lies in a workspace: the daemon's secrets and its admin socket. */
export function ownPaths({ stateDir, runtimeDir, auth, tunnel }: Config): readonly string[] {
  const secretFiles = [auth.tokenFile, auth.oauth.passwordFile].filter((path) => path !== undefined);
  return [stateDir, runtimeDir, ...secretFiles, ...tunnelFiles({ tunnel })];
}

/** A path, and where it led when that place was found fit to be served. */
export type Served = Pick<WorkspaceConfig, "path" | "real">;

/**
 * True when a link on the way makes `path` lead to another place than it did. That is not followed: a branch that is
 * checked out could put the home directory there. Reading the configuration again looks at the new place.
 */
export function leadsElsewhere({ path, real }: Served): boolean {
  return realPath(path) !== real;
}

/** Opens the root at `path`, `closed` as for openRoot. Throws REFUSED when it leads elsewhere, also just now. */
export function openUnmoved({ path, real }: Served, closed: readonly string[]): Root {
  const root = openRoot(path, { closed });
  if (root.path === real) return root;
  root.close();
  throw new Fault("REFUSED", `${path} leads to ${root.path} now, and not to ${real}`, { hint: reloadHint });
}

/** What to do about a folder that leads elsewhere. */
export const reloadHint = "put the folder back, or, if it is meant to be served: ctmcpctl reload";

/**
 * True when another folder lies at the same place than the one that was opened: moved here, or cloned afresh. One that is
 * gone is not replaced yet: calls in it say so, and the daemon goes on with the others.
 */
export function isReplaced(root: Root, served: Served): boolean {
  if (leadsElsewhere(served)) return false;
  const found = statOf(served.path);
  if (found === undefined || !found.isDirectory()) return false;
  const held = root.openDir(".");
  try {
    const { dev, ino } = fstatSync(held.fd, { bigint: true });
    return found.dev !== dev || found.ino !== ino;
  } finally {
    held.close();
  }
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}
