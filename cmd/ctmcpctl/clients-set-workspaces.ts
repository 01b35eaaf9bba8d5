import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { setAccess } from "./set-access.js";

/** Sets which workspaces a signed-in client reaches: some, or with `all` every one, also those added later. */
export async function run(context: Context): Promise<number> {
  const [id = "", list = ""] = context.args;
  return setAccess(context, id, { workspaces: list === "all" ? null : parseList(list) });
}

function parseList(list: string): string[] {
  const ids = list.split(",").map((id) => id.trim());
  if (ids.includes("")) {
    throw new Fault("USAGE", `WORKSPACES is ${list || '""'}`, {
      hint: "write ids with commas between them, as in app,docs, or all",
    });
  }
  return [...new Set(ids)];
}
