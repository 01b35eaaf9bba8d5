import type { ClientsReport } from "../../internal/admin/types.js";
import type { Context } from "./context.js";
import { duration, table } from "./output.js";

/** Lists who connected since the daemon started, the latest first. */
export async function run({ client, answer }: Context): Promise<number> {
  answer(await client.clients(), describe);
  return 0;
}

function describe({ clients }: ClientsReport): string {
  if (clients.length === 0) return "no client has connected since the daemon started";
  const rows = clients.map((it) => [
    it.name === null ? it.user_agent || "unknown" : `${it.name} ${it.version ?? ""}`.trimEnd(),
    it.principal,
    it.protocol_version === null ? "unknown" : `${it.protocol_version} ${it.era ?? ""}`.trimEnd(),
    `${duration((Date.now() - Date.parse(it.last_seen)) / 1_000)} ago`,
    it.last_method === "tools/call" ? (it.last_tool ?? it.last_method) : it.last_method,
    String(it.tool_calls),
  ]);
  return table([["CLIENT", "SIGNED IN AS", "PROTOCOL", "LAST SEEN", "LAST CALL", "TOOL CALLS"], ...rows]);
}
