/** A question for the person at the client, as MCP's form elicitation puts it. */
export interface Question {
  /** Names the question: the same one asked again by a repeated call has the same key. */
  readonly key: string;
  readonly message: string;
  /** A flat JSON Schema object of primitive properties (MCP, "Elicitation", restricted schema). */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** What came back. Everything in it is the client's word. */
export type Reply =
  | { readonly action: "accept"; readonly content: Readonly<Record<string, unknown>> }
  | { readonly action: "decline" | "cancel" };

/**
 * Asks through the client that made the call. In the handshake era the promise settles when the person has answered.
 * In the stateless era it rejects at once, which ends the call with the question; when the client repeats the call with
 * the answer the tool runs again, and the same question resolves at once. A tool must let the rejection pass, and do
 * nothing before it asks that it could not do twice.
 */
export type Ask = (question: Question) => Promise<Reply>;
