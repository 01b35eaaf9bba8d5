import type { Profile } from "../../internal/config/config.js";
import type { Context } from "./context.js";
import { setAccess } from "./set-access.js";

/** Narrows or widens what a signed-in client may do in its workspaces. */
export function run(context: Context): Promise<number> {
  const [id = "", profile] = context.args;
  // The parser has checked it against its choices.
  return setAccess(context, id, { profile: profile as Profile });
}
