import type { GrantReport, WorkspaceReport } from "../../internal/admin/types.js";
import { narrower } from "../../internal/config/config.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";

/** Characters of an id that lists show, more where two ids begin alike. */
const shortest = 8;

/**
 * The signed-in client that a person means by `text`: its id, or the beginning of just one id. NOT_FOUND when none is
 * meant, USAGE when several are.
 */
export async function findGrant({ client }: Context, text: string): Promise<GrantReport> {
  const { grants } = await client.grants();
  const exact = grants.find(({ id }) => id === text);
  // An empty text, as an unset variable of a script gives, means nobody.
  const meant = exact || text === "" ? [] : grants.filter(({ id }) => id.startsWith(text));
  const found = exact ?? meant[0];
  if (found === undefined) {
    throw new Fault("NOT_FOUND", `no client has the id ${text || '""'}`, { hint: choices(grants) });
  }
  if (meant.length > 1) {
    throw new Fault("USAGE", `${meant.length} clients have an id that begins with ${text}`, {
      hint: choices(meant),
    });
  }
  return found;
}

function choices(grants: readonly GrantReport[]): string {
  if (grants.length === 0) return "no client is signed in";
  const short = shortIds(grants);
  return `there are: ${grants.map((grant) => `${short(grant.id)} (${nameOf(grant)})`).join(", ")}`;
}

/** Shortens ids as far as they stay different. */
export function shortIds(grants: readonly GrantReport[]): (id: string) => string {
  let length = shortest;
  while (new Set(grants.map(({ id }) => id.slice(0, length))).size < grants.length) length += 1;
  return (id) => id.slice(0, length);
}

/** Where a client was sent back to, then, in quotes because nobody has verified it, what it calls itself. */
export function nameOf({ client_name: name, redirect_host: host }: GrantReport): string {
  return name === null ? host : `${host} ${JSON.stringify(name)}`;
}

/** What the owner allowed, on one line. */
export function accessOf({ profile, workspaces }: GrantReport): string {
  return `${profile} in ${workspaces?.join(", ") ?? "all workspaces, also ones added later"}`;
}

export interface Reach extends Pick<WorkspaceReport, "id" | "profile"> {
  /** The workspace's own profile is the narrower one. */
  readonly limited: boolean;
}

/** What a client may do in each workspace that is served now. */
export function reachOf(
  { profile, workspaces: granted }: GrantReport,
  workspaces: readonly WorkspaceReport[],
): Reach[] {
  return workspaces
    .filter(({ id }) => granted?.includes(id) ?? true)
    .map(({ id, profile: ceiling }) => {
      const effective = narrower(profile, ceiling);
      return { id, profile: effective, limited: effective !== profile };
    });
}
