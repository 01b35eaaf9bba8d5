import { Fault } from "../../internal/errs/errs.js";
import { describeApproval } from "./approvals.js";
import type { Context } from "./context.js";
import { parseTime } from "./values.js";

/** Lets a client make the call that it asked for: once, or with `--for 10m` any number of times for so long. */
export async function run({ args, flags, client, answer }: Context): Promise<number> {
  const [id = ""] = args;
  const { approval } = await client.decideApproval({ id, allow: true, forSeconds: secondsOf(flags.for) });
  answer({ approval }, () => describeApproval(approval));
  return 0;
}

function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "once") return undefined;
  const seconds = Math.round(parseTime("for", text) / 1_000);
  if (seconds < 1 || seconds > 3_600) {
    throw new Fault("USAGE", `--for is ${text}`, { hint: "it takes: once, or a time from 1s to 60m" });
  }
  return seconds;
}
