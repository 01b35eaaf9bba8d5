import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../clock/clock.js";
import type { Ask, Question, Reply } from "../tools/ask.js";
import { type Era, metaKeys } from "./era.js";
import { isObject, type Request, type Response, RpcError } from "./jsonrpc.js";
import { createStateSealer } from "./request-state.js";

/** Thrown through a tool to end its call with questions; the transport's answer is `input_required`. */
export class InputRequired extends Error {
  readonly inputRequests: Readonly<Record<string, unknown>>;
  readonly requestState: string;

  constructor(inputRequests: Readonly<Record<string, unknown>>, requestState: string) {
    super("the call needs input");
    this.inputRequests = inputRequests;
    this.requestState = requestState;
  }
}

export interface AskOptions {
  readonly era: Era;
  /** Tells clients apart as well as the transport can. */
  readonly caller: string;
  readonly principalId: string;
  readonly request: Request;
  /** Sends a message on the stream of this call; undefined when the client takes no stream. */
  readonly send: ((text: string) => void) | undefined;
}

/** Questions to the person at the client, in both eras (MCP, "Elicitation"; form mode only). */
export interface Elicitation {
  /** Remembers what an `initialize` declares: later requests of the handshake era do not repeat it. */
  declare(caller: string, request: Request): void;
  /** How a tool may ask during this call; undefined when the client cannot be asked. Throws for a forged state. */
  askFor(options: AskOptions): Ask | undefined;
  /** Takes a response of the handshake era to its question. Anything else is ignored. */
  answer(principalId: string, response: Response): void;
}

/** So many clients of the handshake era are remembered, so many questions wait; the oldest give way. */
const maxClients = 256;
const maxWaiting = 256;
const waitMs = 30 * 60_000;

export function createElicitation({ clock }: { readonly clock: Clock }): Elicitation {
  const capable = new Set<string>();
  const waiting = new Map<
    string,
    { readonly principalId: string; readonly settle: (reply: Reply) => void }
  >();
  const sealer = createStateSealer(clock);

  return {
    declare(caller, { params }) {
      capable.delete(caller);
      if (!takesForms(params.capabilities)) return;
      capable.add(caller);
      if (capable.size > maxClients) for (const oldest of [...capable].slice(0, 1)) capable.delete(oldest);
    },
    askFor(options) {
      if (options.request.method !== "tools/call") return undefined;
      return options.era === "modern" ? askByRetry(options) : askOnStream(options);
    },
    answer(principalId, { id, result }) {
      const question = typeof id === "string" ? waiting.get(id) : undefined;
      // Only who was asked may answer, however well the id is guessed.
      if (question?.principalId === principalId) question.settle(replyOf(result));
    },
  };

  /** 2025-11-25: a request to the client on the stream of the call, answered by a POST of its own. */
  function askOnStream({ caller, principalId, send }: AskOptions): Ask | undefined {
    if (send === undefined || !capable.has(caller)) return undefined;
    return (question) =>
      new Promise((resolve) => {
        const id = `ask-${randomBytes(16).toString("hex")}`;
        const settle = (reply: Reply): void => {
          cancelTimer();
          waiting.delete(id);
          resolve(reply);
        };
        const cancelTimer = clock.after(waitMs, () => settle({ action: "cancel" }));
        waiting.set(id, { principalId, settle });
        if (waiting.size > maxWaiting) waiting.values().next().value?.settle({ action: "cancel" });
        send(JSON.stringify({ jsonrpc: "2.0", id, ...elicit(question) }));
      });
  }

  /** 2026-07-28: the call ends with the question, and is made again with the answer and the sealed state. */
  function askByRetry({ principalId, request }: AskOptions): Ask | undefined {
    const meta = request.params._meta;
    const capabilities = isObject(meta) ? meta[metaKeys.clientCapabilities] : undefined;
    if (!takesForms(capabilities)) return undefined;
    const binding = bindingOf(principalId, request);
    const answers = answersIn(request, binding);
    return async (question) => {
      const answer = answers.get(question.key);
      if (answer !== undefined) return answer;
      throw new InputRequired({ [question.key]: elicit(question) }, sealer.seal([question.key], binding));
    };
  }

  function answersIn({ params }: Request, binding: string): ReadonlyMap<string, Reply> {
    const { requestState, inputResponses } = params;
    if (requestState === undefined) return new Map();
    const opened =
      typeof requestState === "string" ? sealer.open(requestState, binding) : ({ kind: "forged" } as const);
    if (opened.kind === "forged")
      throw new RpcError("invalidParams", "params.requestState is not of this call");
    if (opened.kind === "stale" || !isObject(inputResponses)) return new Map();
    // What was not asked is not looked at.
    const asked = opened.keys.filter((key) => Object.hasOwn(inputResponses, key));
    return new Map(asked.map((key) => [key, replyOf(inputResponses[key])]));
  }
}

/** True when a client shows forms; an empty capability means just that. */
function takesForms(capabilities: unknown): boolean {
  const declared = isObject(capabilities) ? capabilities.elicitation : undefined;
  return isObject(declared) && (Object.keys(declared).length === 0 || isObject(declared.form));
}

function elicit({ message, schema }: Question): Record<string, unknown> {
  return { method: "elicitation/create", params: { message, requestedSchema: schema } };
}

/** Anything but a clear answer is none. */
function replyOf(result: unknown): Reply {
  if (!isObject(result)) return { action: "cancel" };
  const { action, content } = result;
  if (action === "accept" && isObject(content)) return { action, content };
  return { action: action === "decline" ? "decline" : "cancel" };
}

/** Who calls what with which arguments; a state counts for nothing else. */
function bindingOf(principalId: string, { method, params }: Request): string {
  const { name, arguments: args = {} } = params;
  const digest = createHash("sha256").update(JSON.stringify(args)).digest("hex");
  return JSON.stringify([principalId, method, name, digest]);
}
