import { setTimeout as sleep } from "node:timers/promises";
import type { StatusReport } from "../../internal/admin/types.js";
import { type Config, usesBearer } from "../../internal/config/config.js";
import { loadConfig } from "../../internal/config/load.js";
import { bearerTokenPath } from "../../internal/state/bearer-token.js";
import { createEvents } from "./connect/events.js";
import { renderQr } from "./connect/qr.js";
import { type Recipe, recipes, type Target } from "./connect/recipes.js";
import type { Context } from "./context.js";
import { printable } from "./output.js";
import { parseTime } from "./values.js";

const pollMs = 300;

/** Says how to connect each client, then waits for one and reports what it does; ends when one has listed the tools. */
export async function run(context: Context): Promise<number> {
  const { flags, client, answer, remark } = context;
  const timeoutMs = parseTime("timeout", flags.timeout ?? "10m");
  const [id] = context.args;
  const wanted = recipes.filter((recipe) => id === undefined || recipe.id === id);
  const status = await client.status();
  const target = targetOf(status, configOf(context));
  const shown = wanted.filter((recipe) => isPossible(recipe, target));
  answer(
    {
      url: target.url,
      auth: target.mode,
      clients: shown.map((recipe) => ({
        id: recipe.id,
        title: recipe.title,
        steps: recipe.lines(target),
      })),
    },
    () => describe(context, { target, shown, hidden: wanted.length - shown.length, status }),
  );
  if (flags["no-wait"] || flags.json) return 0;
  remark("\nwaiting for a client; Ctrl-C ends this");
  return (await watch(context, timeoutMs)) ? 0 : 1;
}

function configOf(context: Context): Config | undefined {
  try {
    return loadConfig({ ...context, path: context.configPath }).config;
  } catch {
    // Only where the token is comes from it.
    return undefined;
  }
}

function targetOf({ listen, auth }: StatusReport, config: Config | undefined): Target {
  const given = config?.auth.token !== undefined;
  const tokenFile =
    config?.auth.tokenFile ?? (config && !given ? bearerTokenPath(config.stateDir) : undefined);
  return {
    url: listen.public_url ?? listen.url,
    isPublic: listen.public_url !== null,
    mode: auth.mode,
    tokenFile: config && usesBearer(config) ? tokenFile : undefined,
  };
}

/** A vendor's cloud reaches a public URL only, and takes no token. */
function isPossible({ isHosted }: Recipe, { isPublic, mode }: Target): boolean {
  return isHosted !== true || (isPublic && mode !== "bearer");
}

interface Shown {
  readonly target: Target;
  readonly shown: readonly Recipe[];
  readonly hidden: number;
  readonly status: StatusReport;
}

function describe({ stdout }: Context, { target, shown, hidden, status }: Shown): string {
  const code = stdout.isTTY && target.isPublic ? renderQr(target.url, stdout.columns ?? 80) : undefined;
  return [
    ...(code === undefined ? [] : [...code, ""]),
    `URL: ${printable(target.url)}`,
    ...tunnelWords(status),
    ...shown.flatMap((recipe) => [
      "",
      recipe.title,
      ...recipe.lines(target).map((line) => `  ${printable(line)}`),
    ]),
    ...(hidden === 0 ? [] : ["", hiddenWords(target)]),
  ].join("\n");
}

function tunnelWords({ tunnel }: StatusReport): readonly string[] {
  if (tunnel === null || tunnel.state === "verified") return [];
  const why = tunnel.fault === null ? "" : `: ${printable(tunnel.fault.text)}`;
  return [`the tunnel is ${tunnel.state}${why}; see: ctmcpctl tunnel status`];
}

function hiddenWords({ isPublic }: Target): string {
  return isPublic
    ? "claude.ai and ChatGPT sign in: set auth.mode to oauth in the config"
    : "claude.ai and ChatGPT need a public URL: ctmcpctl tunnel setup";
}

/** Reports until a client has seen the tools (true) or the time is up, which it then tells the reason of. */
async function watch(context: Context, timeoutMs: number): Promise<boolean> {
  const { client, print, remark } = context;
  const newEvents = createEvents();
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const { clients } = await client.attempts();
    for (const { client: name, text, isConnected } of newEvents(clients)) {
      print(printable(`${new Date().toTimeString().slice(0, 8)}  ${name}  ${text}`));
      if (isConnected) return true;
    }
    if (performance.now() >= deadline) {
      const diagnosis = clients[0]?.attempts[0]?.diagnosis;
      if (diagnosis) remark(printable(`${diagnosis.text}\nfix: ${diagnosis.hint}`));
      else remark("no client came; to see whether one can: ctmcpctl doctor");
      return false;
    }
    await sleep(pollMs);
  }
}
