import { delimiter } from "node:path";
import { linksTo } from "../fsx/file-chain.js";
import type { Config } from "./config.js";
import { contains, realPath } from "./folders.js";

/** Who may change what is at a path, in words; undefined: nobody but the owner. */
export type WhoChanges = (path: string) => string | undefined;

/**
 * Knows what clients of `config`, or their commands, may change: what lies in a `full` workspace or in
 * `exec.sandbox.write`, or is found by a link that lies there. Links are followed when it is asked.
 */
export function whoChanges({ workspaces, exec }: Pick<Config, "workspaces" | "exec">): WhoChanges {
  const full = workspaces.filter(({ profile }) => profile === "full");
  const changeable = [
    ...full.map(({ id, path }) => ({ who: `clients of workspace '${id}'`, folder: path })),
    ...(full.length === 0 ? [] : exec.sandbox.write.map((folder) => ({ who: "commands", folder }))),
  ];
  return (path) => {
    const places = [realPath(path), ...linksTo(path)];
    return changeable.find(({ folder }) => places.some((place) => contains(realPath(folder), place)))?.who;
  };
}

/**
 * The value of PATH without the folders that clients may change, for what is run outside of the sandbox: they could put a
 * program of any name there.
 */
export function withoutChangeable(path: string, whoMay: WhoChanges): string {
  return path
    .split(delimiter)
    .filter((folder) => whoMay(folder) === undefined)
    .join(delimiter);
}
