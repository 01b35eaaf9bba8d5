import type { ReloadReport } from "../../internal/admin/types.js";
import { Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { printable } from "./output.js";

/** Puts the config file in force, or with `--dry-run` says what that would change. */
export async function run({ flags, client, answer }: Context): Promise<number> {
  const report = await client.reload({
    dryRun: flags["dry-run"] ?? false,
    ifGeneration: parseGeneration(flags["if-generation"]),
  });
  answer(report, describe);
  return 0;
}

function parseGeneration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw new Fault("USAGE", `--if-generation is ${text}`, {
      hint: "take the number that ctmcpctl status shows",
    });
  }
  return Number(text);
}

const headings = {
  applied: "applied",
  unchanged: "nothing to change",
  planned: "would change",
} as const satisfies Record<ReloadReport["result"], string>;

function describe({ result, generation, changes, restart_needed: restart }: ReloadReport): string {
  return [
    `${headings[result]} (generation ${generation})`,
    ...changes.map((change) => `  ${printable(change)}`),
    ...(restart.length === 0 ? [] : [`restart the daemon for: ${restart.map(printable).join(", ")}`]),
  ].join("\n");
}
