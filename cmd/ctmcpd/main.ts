#!/usr/bin/env node
import { homedir } from "node:os";
import { parseArgs } from "node:util";
import { systemClock } from "../../internal/clock/clock.js";
import { ownShell } from "../../internal/commands/login-path.js";
import { configPath } from "../../internal/config/paths.js";
import { formatProblem, problemsOf } from "../../internal/config/problem.js";
import { startDaemon } from "../../internal/daemon/daemon.js";
import { createToolbox } from "../../internal/daemon/toolbox.js";
import { exitCodeOf, Fault, messageOf, programErrors } from "../../internal/errs/errs.js";
import { createLog, type Logger } from "../../internal/log/log.js";
import { createRedactor } from "../../internal/log/redact.js";
import { version } from "../../internal/version/version.js";
import { banner } from "./banner.js";
import { logStream, takeService } from "./service.js";
import { usageText } from "./usage.js";

/** Requests may take this long to end after SIGTERM. */
const graceMs = 10_000;

async function main(): Promise<void> {
  const { values } = readFlags();
  if (values.help) return void process.stdout.write(usageText);
  if (values.version) return void process.stdout.write(`ctmcpd ${version}\n`);
  const { env } = process;
  const home = homedir();
  const redactor = createRedactor();
  const stream = logStream(values.launchd);
  const log = createLog({ level: "info", stream, env, redactor, clock: systemClock });
  if (values.launchd !== undefined) explain = (error) => explainToLog(log, error);
  const service = takeService(env, process.pid);
  const daemon = await startDaemon({
    path: configPath({ flag: values.config, env, home }),
    env,
    home,
    uid: process.getuid?.() ?? -1,
    clock: systemClock,
    log,
    redactor,
    service,
    shell: ownShell(),
    toolbox: (workshop) => createToolbox({ clock: systemClock, env, home, workshop }),
  });
  process.on("SIGHUP", () => void daemon.reload("signal").catch(() => {}));
  let stopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(2);
      stopping = true;
      log.notice("stopping", { signal });
      void daemon
        .close(graceMs)
        .then(service.notifier.close)
        .then(() => process.exit(0), fail);
    });
  }
  log.notice("ready", { version, ...daemon.address() });
  // Who reads the instructions may leave at any time, and the daemon goes on.
  process.stdout.on("error", () => {});
  // A service manager's journal is no place for instructions.
  if (!values.quiet && !service.isManaged) process.stdout.write(banner(daemon));
}

function readFlags() {
  try {
    return parseArgs({
      options: {
        config: { type: "string" },
        quiet: { type: "boolean" },
        launchd: { type: "string" },
        version: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new Fault("USAGE", messageOf(error), { hint: "see ctmcpd --help" });
  }
}

/** Tells what ended the program, and returns the code to end with. */
let explain = (error: unknown): number => {
  for (const problem of problemsOf(error)) process.stderr.write(`${formatProblem(problem)}\n`);
  const text = error instanceof Fault ? error.message : ((error as Error)?.stack ?? String(error));
  process.stderr.write(`error: ${text}\n`);
  if (error instanceof Fault && error.hint) process.stderr.write(`hint: ${error.hint}\n`);
  return exitCodeOf(error);
};

/** Another start does not mend it. systemd is told the same by RestartPreventExitStatus. */
const permanent: readonly number[] = [programErrors.CONFIG_INVALID, programErrors.PERMISSION];

/** launchd starts anew whatever fails: what another start does not mend must not look like a failure to it. */
function explainToLog(log: Logger, error: unknown): number {
  for (const problem of problemsOf(error)) log.error(formatProblem(problem));
  log.error("ended", { error });
  const code = exitCodeOf(error);
  return permanent.includes(code) ? 0 : code;
}

function fail(error: unknown): never {
  process.exit(explain(error));
}

void main().catch(fail);
