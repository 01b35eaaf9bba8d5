import { join } from "node:path";
import { readBeginning } from "../fsx/beginning.js";
import type { SandboxPolicy } from "../sandbox/types.js";
import { pointerTarget, pointsBack, repositoryDirs } from "./pointer.js";

/** The policy id of git for the tools; to be retired along with the workspace's own. */
export function gitId(policyId: string): string {
  return `git:${policyId}`;
}

/**
 * What git may reach for the tools, made from what the commands of the same workspace may: nothing can be written but
 * temporary files, there is no network, and no variable of the owner's environment steers it. Where the workspace is a
 * linked work tree, or a submodule, the repository behind it can be read too.
 */
export function gitPolicy(commands: SandboxPolicy): SandboxPolicy {
  return {
    ...commands,
    id: gitId(commands.id),
    readOnly: true,
    network: "none",
    read: [...commands.read, ...outerRepository(commands.root)],
    write: [],
    env: {},
  };
}

function outerRepository(workTree: string): readonly string[] {
  const target = pointerTarget(workTree, readBeginning(join(workTree, ".git")) ?? "");
  const dirs = target === undefined ? undefined : repositoryDirs(target);
  return dirs !== undefined && pointsBack(dirs, workTree, workTree) ? [dirs.common, dirs.own] : [];
}
