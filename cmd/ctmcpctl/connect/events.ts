import type { ClientAttempts, StepRecord } from "../../../internal/clients/attempts.js";
import { clientName } from "./recipes.js";

/** Something a client did on its way in. */
export interface ConnectEvent {
  readonly client: string;
  /** In words. */
  readonly text: string;
  /** It has seen the tools: it is connected. */
  readonly isConnected: boolean;
}

/**
 * Turns one look at the connection journal after the other into what is new. The first look is what was there before.
 * What was told of a client is not told again.
 */
export function createEvents(): (journal: readonly ClientAttempts[]) => readonly ConnectEvent[] {
  let seen: ReadonlySet<string> | undefined;
  const told = new Set<string>();
  return (journal) => {
    const all = journal
      .flatMap(({ user_agent: agent, attempts }) =>
        attempts.flatMap(({ steps }) => steps.map((step) => ({ agent, step }))),
      )
      .sort((a, b) => a.step.at.localeCompare(b.step.at));
    const isNew = ({ step }: { readonly step: StepRecord }): boolean =>
      seen !== undefined && !seen.has(signature(step));
    const events = all
      .filter(isNew)
      .map(({ agent, step }) => eventOf(clientName(agent), step))
      .filter(({ client, text }) => !told.has(`${client} ${text}`));
    for (const { client, text } of events) told.add(`${client} ${text}`);
    seen = new Set(all.map(({ step }) => signature(step)));
    return events;
  };
}

/** Not by client: requests move to another one when it becomes known whose they were. */
function signature({ step, at, times }: StepRecord): string {
  return `${step} ${at} ${times}`;
}

function eventOf(client: string, step: StepRecord): ConnectEvent {
  const isOk = step.result === "ok";
  const isConnected = isOk && (step.step === "list" || step.step === "call");
  return { client, text: isOk ? words(step) : refusal(step), isConnected };
}

function words({ step, detail }: StepRecord): string {
  switch (step) {
    case "metadata":
      return "found the server";
    case "register":
      return "registered";
    case "authorize":
      if (detail === "allowed") return "was allowed in";
      return detail === "denied" ? "was denied by you" : "opened the sign-in page";
    case "token":
      return "signed in";
    case "initialize":
      return "connected";
    case "list":
      return `listed ${detail ?? "the tools"}`;
    case "call":
      return "called a tool";
  }
}

function refusal({ step, status, detail }: StepRecord): string {
  const why = [status, detail].filter((word) => word !== null).join(" ");
  return `was turned away at ${step}${why === "" ? "" : ` (${why})`}`;
}
