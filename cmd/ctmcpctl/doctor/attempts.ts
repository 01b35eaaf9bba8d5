import type { AdminClient } from "../../../internal/admin/client.js";
import { ownAgent } from "../../../internal/tunnel/exchange.js";
import { ago } from "../output.js";
import { ok, type Row, warn } from "./row.js";

/** What the last attempt of each client came to, where it came to nothing: what only the clients' own networks show. */
export async function checkAttempts(client: Pick<AdminClient, "attempts">): Promise<readonly Row[]> {
  const { clients } = await client.attempts();
  const others = clients.filter(({ user_agent: agent }) => agent !== ownAgent);
  const stuck = others.flatMap(({ user_agent: agent, attempts: [last] }) => {
    if (!last?.diagnosis) return [];
    const { code, text, hint } = last.diagnosis;
    return [warn(`attempts.${code}`, `${agent || "a client"}, ${ago(last.last_at)}: ${text}`, hint)];
  });
  if (stuck.length > 0 || others.length === 0) return stuck;
  return [ok("attempts", `attempts: ${others.length} clients came, and none is stuck on its way in`)];
}
