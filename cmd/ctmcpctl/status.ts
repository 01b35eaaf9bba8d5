import type { StatusReport } from "../../internal/admin/types.js";
import { exitCodeOf, Fault } from "../../internal/errs/errs.js";
import type { Context } from "./context.js";
import { printable } from "./output.js";
import { describe, otherWarnings, type View } from "./status/describe.js";
import { watch } from "./status/watch.js";

/** Shows how the daemon is. With `--check` one line, and the exit code of UNHEALTHY when something is wrong. */
export async function run(context: Context): Promise<number> {
  const { flags, client, answer, stdout, env } = context;
  const view: View = { isVerbose: flags.verbose === true, stream: stdout, env };
  if (flags.watch) return watch(context, view);
  const status = await client.status();
  const fault = flags.check ? unhealthy(status) : undefined;
  answer(status, (it) => (flags.check ? checkLine(it, fault) : describe(it, view).join("\n")));
  return fault ? exitCodeOf(fault) : 0;
}

/** What makes `status --check` fail: not ready, a config that cannot be used, or a condition that is an error. */
function unhealthy(status: StatusReport): Fault | undefined {
  const { state, config } = status;
  const words = [
    ...(state === "ready" ? [] : [`the daemon is ${state}`]),
    ...(config.pending_error ? [config.pending_error.message] : []),
    ...otherWarnings(status)
      .filter(({ severity }) => severity === "error")
      .map(({ text }) => text),
  ];
  return words.length === 0 ? undefined : new Fault("UNHEALTHY", words.join("; "));
}

function checkLine({ listen }: StatusReport, fault: Fault | undefined): string {
  return fault ? `not ok: ${printable(fault.message)}` : `ok: ${listen.public_url ?? listen.url}`;
}
