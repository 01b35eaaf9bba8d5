import type { UndoListReport, UndoneReport } from "../../internal/admin/types.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { printable, table } from "./output.js";

/** Files that the list names of one entry; `--json` names them all. */
const maxListed = 3;

/** Takes back the newest set of changes, or the one named; with `--list` shows what can be taken back. */
export async function run({ args: [id], flags, client, answer }: Context): Promise<number> {
  if (flags.list) {
    if (id !== undefined) {
      throw new Fault("USAGE", `undo --list takes no argument ${id}`, {
        hint: `to take it back: ctmcpctl undo ${id}`,
      });
    }
    answer(await client.undoList(), describeList);
    return 0;
  }
  answer(await client.undo(id), ({ undone }) => describe(undone));
  return 0;
}

function describeList({ entries }: UndoListReport): string {
  if (entries.length === 0) return "there is nothing to undo";
  return table([
    ["ID", "AT", "WORKSPACE", "TOOL", "SUMMARY"],
    ...entries.map(({ id, at, workspace, tool, summary }) => [id, at, workspace, tool, shorten(summary)]),
  ]);
}

function shorten(summary: readonly string[]): string {
  const more = summary.length - maxListed;
  return summary.slice(0, maxListed).join(", ") + (more > 0 ? `, and ${more} more` : "");
}

function describe({ at, workspace, summary, warnings }: UndoneReport): string {
  const lines = [`undone: ${at} ${workspace}`, ...summary, ...warnings.map((text) => `warning: ${text}`)];
  // A client chose the names of the files.
  return lines.map(printable).join("\n");
}
