import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { FaultRow } from "../../internal/tunnel/types.js";
import type { Ending } from "./endings.js";

/** A stand-in for a vendor's program: it takes the arguments the real one takes, and speaks as that does. */
export interface Agent {
  /** Variables it may be given; any other one makes it refuse. */
  readonly variables: readonly string[];
  readonly faults: readonly FaultRow[];
  /** How it ends, by the code of a row of `faults`. */
  readonly endings: Readonly<Record<string, Ending>>;
  /** Reads its arguments, its settings and its environment; throws when the real one would not have them. */
  start(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Session>;
}

export interface Session {
  /** It has reached its service. */
  connect(): void;
  /** It has lost it and tries by itself. */
  lose(): void;
  /** Shows a fault in another way than by its line. */
  show?(row: FaultRow): boolean;
}

/** Beside these `sh` sets some itself. */
const always = ["PATH", "HOME", "FAKE_SCENARIO", "PWD", "OLDPWD", "SHLVL", "_"];

/**
 * Runs it as FAKE_SCENARIO says: `ready`, `silent` (starts and says nothing more), `exit N` (ends with that code as soon as
 * it is ready), or `fault CODE`: shows that row of the provider's table, and ends as the real one does then. SIGUSR1: it
 * loses its connection; SIGUSR2: it is back.
 */
export async function runAgent(agent: Agent): Promise<void> {
  const scenario = process.env.FAKE_SCENARIO ?? "ready";
  const known = new Set([...always, ...agent.variables]);
  const strange = Object.keys(process.env).filter((name) => !known.has(name));
  if (strange.length > 0) refuse(`variables ${strange.join(", ")}`);
  const session = await agent.start(process.argv.slice(2), process.env).catch(refuse);
  // Nothing else may keep it running.
  setInterval(() => {}, 60_000);
  process.on("SIGUSR1", () => session.lose());
  process.on("SIGUSR2", () => session.connect());
  const [, what, code = ""] = /^(fault|exit) (\w+)$/.exec(scenario) ?? [];
  if (scenario === "ready" || what === "exit") session.connect();
  if (what === "exit") process.exit(Number(code));
  if (what !== "fault") return;
  const row = agent.faults.find((candidate) => candidate.code === code);
  if (row === undefined) refuse(`scenario ${scenario}`);
  const ending = agent.endings[code];
  if (ending === undefined) refuse(`scenario ${scenario}, whose end nobody has noted`);
  if (session.show?.(row)) return;
  console.log(row.sample);
  if (ending !== "goes on") process.exit(ending);
}

function refuse(reason: unknown): never {
  console.error(`usage: ${reason instanceof Error ? reason.message : reason}`);
  process.exit(2);
}

/** Serves `answers` by path on this machine; other paths are 404. */
export async function serve(
  { host, port }: { readonly host: string; readonly port: number },
  answers: (path: string) => { status: number; body: string } | undefined,
): Promise<Server> {
  const server = createServer((request, response) => {
    const { status, body } = answers(request.url ?? "") ?? { status: 404, body: "" };
    response.writeHead(status).end(body);
  }).listen(port, host);
  await once(server, "listening");
  return server;
}

/** Throws when `condition` does not hold. */
export function demand(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}
