#!/usr/bin/env node
import { homedir } from "node:os";
import { generatePassword } from "../../internal/auth/password.js";
import { generateToken } from "../../internal/auth/token.js";
import { systemClock } from "../../internal/clock/clock.js";
import { ownShell } from "../../internal/commands/login-path.js";
import { type Config, usesOAuth } from "../../internal/config/config.js";
import { type Address, originOf, urlAt } from "../../internal/daemon/addresses.js";
import { createAudit } from "../../internal/daemon/audit.js";
import { createEngine, type Engine } from "../../internal/daemon/engine.js";
import { createSignInService } from "../../internal/daemon/sign-in.js";
import { serveOnStdio } from "../../internal/daemon/stdio.js";
import { createToolbox } from "../../internal/daemon/toolbox.js";
import { createWorkshop } from "../../internal/daemon/workshop.js";
import { exitCodeOf, Fault } from "../../internal/errs/errs.js";
import { createHealth } from "../../internal/health/health.js";
import { createLog } from "../../internal/log/log.js";
import { version } from "../../internal/version/version.js";
import { configFrom } from "./config.js";
import { readSettings, type Settings, usageText } from "./flags.js";
import { claimState } from "./own-state.js";
import { redactorFor } from "./redactor.js";
import { traceLine } from "./trace.js";

/** The process must be gone within 2 s of SIGTERM. */
const graceMs = 1_000;

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2), process.env, process.cwd());
  if (settings === "help") return void process.stdout.write(usageText);
  if (settings === "version") return void process.stdout.write(`coding-tools-mcp ${version}\n`);
  const config = configFrom(settings, {
    cwd: process.cwd(),
    home: homedir(),
    uid: process.getuid?.() ?? -1,
    generateToken,
    generatePassword,
  });
  const { token } = config.auth;
  const engine = await start(settings, config);
  if (settings.token === undefined && token !== undefined) say(`generated bearer token: ${token}`);
  const { password } = config.auth.oauth;
  if (usesOAuth(config) && settings.oauth?.password === undefined) say(`generated password: ${password}`);
  if (config.auth.mode === "oauth+bearer") say("both the bearer token and sign-in by OAuth are accepted");
  onSignals(engine);
  if (settings.stdio) {
    await serveOnStdio(engine, { input: process.stdin, output: process.stdout });
    await engine.close(graceMs);
    return;
  }
  const profile = settings.profileGiven ? `, profile=${settings.profile}` : "";
  const url = urlAt({ host: config.listen.host, port: engine.address().port });
  say(`coding-tools-mcp listening on ${url} (${authLabel(config, engine.address())}${profile})`);
}

function authLabel(config: Config, address: Address): string {
  const oauth = `oauth2 enabled (server_url=${originOf(config, address)})`;
  const labels = {
    none: "no auth configured",
    bearer: "bearer auth enabled",
    oauth,
    "oauth+bearer": oauth.replace(" ", " + bearer "),
  };
  return labels[config.auth.mode];
}

/** Serves `config`, and takes down with it what was started for it. */
async function start(settings: Settings, asked: Config): Promise<Engine> {
  const uid = process.getuid?.() ?? -1;
  const { config, parent, release } = claimState(asked, uid);
  const redactor = redactorFor(config);
  const { env } = process;
  // Standard error carries the start line and trace lines; of the log only what went wrong.
  const log = createLog({ level: "error", stream: process.stderr, env, redactor, clock: systemClock });
  const home = homedir();
  const health = createHealth(systemClock);
  const audit = createAudit({
    clock: systemClock,
    log,
    health,
    redactor,
    stateDir: config.stateDir,
    config: () => config.audit,
  });
  const workshop = createWorkshop({
    onCommandEnded: audit.commandEnded,
    onDecided: audit.decided,
    clock: systemClock,
    log,
    env,
    home,
    shell: ownShell(),
    uid,
    closed: [parent],
    config: () => config,
  });
  await workshop.recover();
  const signIn = createSignInService({
    clock: systemClock,
    log,
    uid,
    health,
    redact: (secret) => redactor.add(secret),
    onChange: () => engine.refreshClients(),
    onEvent: audit.signIn,
  });
  const engine: Engine = createEngine({
    clock: systemClock,
    log,
    ...createToolbox({ clock: systemClock, env, home, workshop }),
    closed: [parent],
    listen: !settings.stdio,
    token: async () => config.auth.token,
    signIn: signIn.prepare,
    onRequest: () => {},
    onBegin: audit.begin,
    onCall: (record) => {
      audit.call(record);
      if (settings.trace) process.stderr.write(traceLine(record, systemClock.now(), redactor));
    },
  });
  (await engine.prepare(config)).commit();
  return {
    ...engine,
    async close(ms) {
      await engine.close(ms);
      await workshop.close();
      audit.close();
      release();
    },
  };
}

function onSignals(engine: Engine): void {
  for (const [signal, code] of [
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const) {
    process.once(signal, () => {
      void engine.close(graceMs).finally(() => process.exit(code));
    });
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

void main().catch((error: unknown) => {
  const fault = error instanceof Fault ? error : undefined;
  say(`error: ${fault?.message ?? (error as Error)?.stack ?? String(error)}`);
  if (fault?.hint !== undefined) say(`hint: ${fault.hint}`);
  process.exit(exitCodeOf(error));
});
