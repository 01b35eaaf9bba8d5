import { statSync } from "node:fs";
import { basename } from "node:path";
import { errnoOf } from "../errs/errs.js";
import { whoChanges } from "./changeable.js";
import { type Config, narrower, type WorkspaceConfig } from "./config.js";
import type { Path } from "./document.js";
import { resolveWorkspaceExec } from "./exec.js";
import { slug } from "./explain.js";
import { contains, realPath, tooWide } from "./folders.js";
import type { RawConfig } from "./raw.js";
import type { References } from "./references.js";
import type { ResolveContext } from "./resolve.js";
import { configSchema } from "./schema.js";

interface Found {
  readonly config: WorkspaceConfig;
  readonly index: number;
}

/** The workspaces that can be used; what is wrong with the others, and among them, is reported. */
export function resolveWorkspaces(
  raw: RawConfig,
  references: References,
  context: ResolveContext,
): readonly WorkspaceConfig[] {
  const found: Found[] = [];
  for (const [index, workspace] of (raw.workspaces ?? []).entries()) {
    const at = ["workspaces", index, "path"];
    const path = references.path(at, workspace?.path);
    const exec = resolveWorkspaceExec(
      workspace?.exec ?? {},
      ["workspaces", index, "exec"],
      references,
      context,
    );
    if (path === undefined) continue;
    const real = realFolder(path, at, context);
    if (real === undefined) continue;
    const id = workspace?.id ?? slug(basename(path));
    if (id === "") context.problem(at, `no id can be made from ${path}`, "give this workspace an id");
    const profile = workspace?.profile ?? raw.profile ?? configSchema.properties.profile.default;
    found.push({ config: { id, path, real, profile, exec }, index });
  }
  checkUnique(found, context);
  checkNesting(found, context);
  return found.map(({ config }) => config);
}

/** Warns about files of the daemon's own that clients of a `full` workspace, or their commands, could rewrite. */
export function checkOwnFiles(
  config: Config,
  own: readonly { readonly at: Path; readonly path: string | undefined }[],
  { warning }: ResolveContext,
): void {
  const whoMay = whoChanges(config);
  for (const { at, path } of own) {
    const who = path && whoMay(path);
    if (!who) continue;
    const hint = "keep it outside of full workspaces and of exec.sandbox.write";
    warning(at, `${who} can change ${path}`, hint);
  }
}

/** The folder's real path, or undefined after reporting why it cannot be a workspace. */
function realFolder(path: string, at: Path, { home, problem }: ResolveContext): string | undefined {
  try {
    if (!statSync(path).isDirectory()) return void problem(at, `${path} is not a directory`, "name a folder");
  } catch (error) {
    const errno = errnoOf(error) ?? String(error);
    if (errno === "ENOENT")
      return void problem(at, `${path} does not exist`, "create the folder or correct the path");
    return void problem(at, `${path} cannot be entered: ${errno}`);
  }
  const real = realPath(path);
  const what = tooWide(real, home);
  if (what === undefined) return real;
  return void problem(at, `${path} is ${what} and cannot be a workspace`, "name a project folder below it");
}

function checkUnique(found: readonly Found[], { problem }: ResolveContext): void {
  for (const [position, { config, index }] of found.entries()) {
    const earlier = found.slice(0, position);
    const same = earlier.find((other) => other.config.real === config.real);
    if (same !== undefined) {
      const message = `${config.path} is already workspace '${same.config.id}'`;
      problem(["workspaces", index, "path"], message, "remove one of the two");
    } else if (earlier.some((other) => other.config.id === config.id)) {
      const message = `the id '${config.id}' is used a second time`;
      problem(["workspaces", index, "id"], message, "give each workspace an id of its own");
    }
  }
}

function checkNesting(found: readonly Found[], { warning }: ResolveContext): void {
  for (const inner of found) {
    const { real } = inner.config;
    const outer = found.find(({ config }) => config.real !== real && contains(config.real, real));
    if (outer === undefined || narrower(outer.config.profile, inner.config.profile) === outer.config.profile)
      continue;
    const at = ["workspaces", inner.index, "path"];
    warning(
      at,
      `workspace '${inner.config.id}' is ${inner.config.profile}, but lies inside '${outer.config.id}', which is ${outer.config.profile}`,
    );
  }
}
