import type { GrantReport } from "../../internal/admin/types.js";
import type { ClientRecord } from "../../internal/clients/clients.js";
import type { Context } from "./context.js";
import { nameOf, shortIds } from "./grants.js";
import { ago, table } from "./output.js";

/**
 * Lists who connected since the daemon started, the latest first, then who else is signed in. With `--attempts` how far
 * each came on its way in.
 */
export async function run(context: Context): Promise<number> {
  const { client, answer, flags } = context;
  if (flags.attempts) return (await import("./attempts.js")).showAttempts(context);
  const [{ clients }, { grants }] = await Promise.all([client.clients(), client.grants()]);
  answer({ clients, grants }, describe);
  return 0;
}

interface Everyone {
  readonly clients: readonly ClientRecord[];
  readonly grants: readonly GrantReport[];
}

function describe({ clients, grants }: Everyone): string {
  if (clients.length + grants.length === 0) return "no client has connected since the daemon started";
  const short = shortIds(grants);
  const connected = clients.map((it) => {
    const grant = grants.find((candidate) => isOf(candidate, it));
    return [
      grant ? short(grant.id) : "-",
      programOf(it),
      grant ? nameOf(grant) : it.principal.startsWith(grantPrefix) ? "signed out" : it.principal,
      it.protocol_version === null ? "unknown" : `${it.protocol_version} ${it.era ?? ""}`.trimEnd(),
      ago(it.last_seen),
      lastCallOf(it),
      String(it.tool_calls),
    ];
  });
  const absent = grants
    .filter((grant) => connectionsOf(grant, clients).length === 0)
    .map((grant) => [short(grant.id), "-", nameOf(grant), "-", ago(grant.used_at), "-", "-"]);
  const heading = ["ID", "CLIENT", "SIGNED IN AS", "PROTOCOL", "LAST SEEN", "LAST CALL", "TOOL CALLS"];
  return table([heading, ...connected, ...absent]);
}

const grantPrefix = "grant:";

function isOf({ id }: GrantReport, { principal }: ClientRecord): boolean {
  return principal === `${grantPrefix}${id}`;
}

/** The connections of one signed-in client: one for each program it comes with. */
export function connectionsOf(grant: GrantReport, clients: readonly ClientRecord[]): ClientRecord[] {
  return clients.filter((record) => isOf(grant, record));
}

/** What a connecting program calls itself. */
export function programOf({ name, version, user_agent: agent }: ClientRecord): string {
  return name === null ? agent || "unknown" : `${name} ${version ?? ""}`.trimEnd();
}

/** The tool it called last, or the method when that was no tool call. */
export function lastCallOf({ last_method: method, last_tool: tool }: ClientRecord): string {
  return method === "tools/call" ? (tool ?? method) : method;
}
