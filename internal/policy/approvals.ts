import { randomBytes } from "node:crypto";
import type { Clock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import { digestOf, type Subject, summaryOf } from "./subject.js";
import type { Permission } from "./types.js";

export type ApprovalState = "pending" | "approved" | "denied" | "used";

/** One request for permissions and what became of it. */
export interface Approval {
  /** Short enough to type; not a secret and no credential: only the owner's socket takes it. */
  readonly id: string;
  readonly state: ApprovalState;
  readonly tool: string;
  readonly workspace: string;
  /** Id of the principal who asked. */
  readonly caller: string;
  readonly permissions: readonly Permission[];
  /** Why, in the model's words: to be read with suspicion. */
  readonly reason: string;
  /** The command line or the patch that is to run. */
  readonly summary: string;
  /** Milliseconds since the epoch. */
  readonly requestedAt: number;
  /** When the request lapses, or the grant. */
  readonly expiresAt: number;
  /** How often a grant counts. */
  readonly uses: "once" | "any";
  /** Who answered; undefined while nobody has. */
  readonly decidedBy: Decider | undefined;
}

/** `owner`: through the admin socket. `client`: the person at the client, asked in band. */
export type Decider = "owner" | "client";

/** `forMs`: the same call may be made any number of times for so long; undefined: once. */
export type Decision =
  | { readonly allow: true; readonly forMs?: number | undefined }
  | { readonly allow: false };

export interface ApprovalRequest {
  readonly subject: Subject;
  readonly permissions: readonly Permission[];
  readonly reason: string;
}

/**
 * Requests for permissions, and the grants that came of them. Kept in memory only: a grant lives for an hour at most,
 * and a restart that forgets one only means being asked again.
 */
export interface Approvals {
  /**
   * Files a request; the same call asked for again finds the one that is there, with what was answered.
   * RATE_LIMITED when the client, or all together, have too many that wait.
   */
  request(request: ApprovalRequest): Approval;
  /** Resolves when the request is decided or lapses, or after `timeoutMs`; rejects when `signal` aborts. */
  settled(id: string, options: { timeoutMs: number; signal: AbortSignal }): Promise<Approval | undefined>;
  /**
   * Answers a request, or changes the answer; what was answered already is for the owner alone to change.
   * NOT_FOUND when there is none of this id.
   */
  decide(id: string, decision: Decision, by: Decider): Approval;
  /**
   * Uses a grant for this very call, when there is one that covers all of `needed`: what it grants, which may be more.
   * A grant for one call is gone then.
   */
  take(subject: Subject, needed: readonly Permission[]): readonly Permission[] | undefined;
  /** Requests that wait, then everything else, the latest first. */
  list(): readonly Approval[];
}

export interface ApprovalsDeps {
  readonly clock: Clock;
  /** Told of every request, answer and use: nothing is granted silently. */
  readonly onChange: (approval: Approval, what: "requested" | "decided" | "used") => void;
}

/** How long a request waits for an answer. */
const pendingMs = 30 * 60_000;
/** How long a grant for one call waits to be used, and an answer is remembered. */
const decidedMs = 60 * 60_000;
/** The longest time a grant may be given for. */
export const maxGrantMs = 60 * 60_000;
const maxEntries = 128;
const maxPendingOfCaller = 16;

export function createApprovals({ clock, onChange }: ApprovalsDeps): Approvals {
  /** By digest of what they are about. Insertion order is age. */
  const entries = new Map<string, Approval>();
  const waiters = new Map<string, Set<() => void>>();

  return {
    request({ subject, permissions, reason }) {
      expire();
      const digest = digestOf(subject);
      const known = entries.get(digest);
      const live = known?.state === "used" ? undefined : known;
      if (live !== undefined && permissions.every((permission) => live.permissions.includes(permission)))
        return live;
      // More than was asked before is a new question with a new id: nobody may answer what he was not shown.
      if (live !== undefined) drop(digest, live);
      makeRoom(subject.caller);
      const earlier = live?.state === "pending" ? live.permissions : [];
      const now = clock.now();
      // Behind all others in age, also when this call was asked for before.
      entries.delete(digest);
      return put(digest, "requested", {
        id: newId(),
        state: "pending",
        tool: subject.tool,
        workspace: subject.workspace,
        caller: subject.caller,
        permissions: [...new Set([...earlier, ...permissions])],
        reason,
        summary: summaryOf(subject),
        requestedAt: now,
        expiresAt: now + pendingMs,
        uses: "once",
        decidedBy: undefined,
      });
    },
    async settled(id, { timeoutMs, signal }) {
      signal.throwIfAborted();
      if (find(id)?.[1].state === "pending") await changed(id, timeoutMs, signal);
      return find(id)?.[1];
    },
    decide(id, decision, by) {
      const found = find(id);
      if (found === undefined || found[1].state === "used") {
        throw new Fault("NOT_FOUND", `no request ${id} waits for an answer`, {
          hint: "it may have lapsed; ctmcpctl approvals lists them",
        });
      }
      const [digest, approval] = found;
      if (by === "client" && !isPending(approval)) return approval;
      const uses = decision.allow && decision.forMs !== undefined ? "any" : "once";
      const lifeMs = decision.allow ? Math.min(decision.forMs ?? decidedMs, maxGrantMs) : decidedMs;
      const state = decision.allow ? "approved" : "denied";
      return put(digest, "decided", {
        ...approval,
        state,
        uses,
        expiresAt: clock.now() + lifeMs,
        decidedBy: by,
      });
    },
    take(subject, needed) {
      // A digest costs more than everything else here, and most of the time there is no grant at all.
      if (entries.size === 0) return undefined;
      expire();
      const digest = digestOf(subject);
      const approval = entries.get(digest);
      if (approval?.state !== "approved") return undefined;
      if (!needed.every((permission) => approval.permissions.includes(permission))) return undefined;
      if (approval.uses === "once") put(digest, "used", { ...approval, state: "used" });
      else onChange(approval, "used");
      return approval.permissions;
    },
    list() {
      expire();
      const latest = [...entries.values()].reverse();
      return [...latest.filter(isPending), ...latest.filter((approval) => !isPending(approval))];
    },
  };

  function find(id: string): [string, Approval] | undefined {
    expire();
    return [...entries].find(([, approval]) => approval.id === id);
  }

  function put(digest: string, what: Parameters<typeof onChange>[1], approval: Approval): Approval {
    entries.set(digest, approval);
    onChange(approval, what);
    if (approval.state !== "pending") wake(approval.id);
    return approval;
  }

  function expire(): void {
    const now = clock.now();
    for (const [digest, approval] of entries) {
      if (approval.expiresAt <= now) drop(digest, approval);
    }
  }

  function drop(digest: string, { id }: Approval): void {
    entries.delete(digest);
    wake(id);
  }

  function wake(id: string): void {
    for (const waiter of waiters.get(id) ?? []) waiter();
  }

  function changed(id: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = waiters.get(id) ?? new Set();
      waiters.set(id, waiting);
      const done = (settle: () => void): void => {
        waiting.delete(wake);
        if (waiting.size === 0) waiters.delete(id);
        cancelTimer();
        signal.removeEventListener("abort", abort);
        settle();
      };
      const wake = (): void => done(resolve);
      const abort = (): void => done(() => reject(signal.reason));
      const cancelTimer = clock.after(timeoutMs, wake);
      signal.addEventListener("abort", abort, { once: true });
      waiting.add(wake);
    });
  }

  /** Keeps the store bounded: what was answered long ago goes first, what waits is never dropped. */
  function makeRoom(caller: string): void {
    const pending = [...entries.values()].filter(isPending);
    if (pending.filter((approval) => approval.caller === caller).length >= maxPendingOfCaller) {
      throw tooMany(`${maxPendingOfCaller} requests of this client wait for an answer`);
    }
    if (entries.size < maxEntries) return;
    const oldest = [...entries].find(([, { state }]) => state === "used" || state === "denied");
    if (oldest === undefined) throw tooMany(`${entries.size} requests wait for an answer or to be used`);
    drop(...oldest);
  }
}

function tooMany(message: string): Fault {
  return new Fault("RATE_LIMITED", message, { hint: "the owner answers them with ctmcpctl approvals" });
}

function isPending({ state }: Approval): boolean {
  return state === "pending";
}

function newId(): string {
  return randomBytes(4).toString("hex");
}
