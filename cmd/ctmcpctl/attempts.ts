import type { AttemptsReport } from "../../internal/admin/types.js";
import type { ClientAttempts, StepRecord } from "../../internal/clients/attempts.js";
import type { Context } from "./context.js";
import { ago, printable } from "./output.js";

/** Shows how far each client came since the daemon started, the latest first, and what to do about the rest. */
export async function showAttempts({ client, answer }: Context): Promise<number> {
  answer(await client.attempts(), describe);
  return 0;
}

function describe({ clients }: AttemptsReport): string {
  if (clients.length === 0) {
    return "nothing has arrived since the daemon started; to see whether anything can: ctmcpctl doctor";
  }
  return clients.map(describeClient).join("\n\n");
}

function describeClient({ user_agent: agent, attempts }: ClientAttempts): string {
  const lines = attempts.flatMap(({ last_at: at, steps, diagnosis }) => [
    `  ${ago(at)}: ${steps.map(describeStep).join(", ")}`,
    ...(diagnosis ? [`    ${diagnosis.text}`, `    fix: ${diagnosis.hint}`] : []),
  ]);
  // The user agent and the details are the client's.
  return [agent || "unknown program", ...lines].map(printable).join("\n");
}

function describeStep({ step, result, status, detail }: StepRecord): string {
  const more = [result === "refused" ? "refused" : "", status ?? "", detail ?? ""].filter(
    (word) => word !== "",
  );
  return result === "ok" && detail === null ? step : `${step} (${more.join(" ")})`;
}
