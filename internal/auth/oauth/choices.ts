import type { Profile } from "../../config/config.js";
import type { Site } from "./types.js";

/** What the owner allows, or is about to. */
export interface Choices {
  /** Workspace ids; null: all, also ones added later. */
  readonly workspaces: readonly string[] | null;
  readonly profile: Profile;
}

/** What is chosen when the page opens: the least that is of use, in the workspace asked for or the default one. */
export function firstChoices({ workspaces }: Site, asked: string | undefined): Choices {
  const { id } = workspaces.find((workspace) => workspace.id === asked) ?? workspaces[0] ?? {};
  return { workspaces: id === undefined ? [] : [id], profile: "read-only" };
}

/** What a form says, as far as this server has it: no unknown workspace, and never more than one of the chosen allows. */
export function readChoices(form: URLSearchParams, site: Site): Choices {
  const everything = form.has("later");
  const ticked = new Set(form.getAll("workspace"));
  const chosen = site.workspaces.filter(({ id }) => everything || ticked.has(id));
  const mayBeFull = chosen.some(({ profile }) => profile === "full");
  return {
    workspaces: everything ? null : chosen.map(({ id }) => id),
    profile: mayBeFull && form.get("profile") === "full" ? "full" : "read-only",
  };
}
