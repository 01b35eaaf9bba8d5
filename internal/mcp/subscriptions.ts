import type { Principal } from "../auth/principal.js";
import { metaKeys } from "./era.js";
import { notificationText, type RequestId } from "./jsonrpc.js";

/** Somebody who wants to hear that the tool list changed. */
export interface Subscriber {
  readonly principal: Principal;
  readonly workspaceId: string | undefined;
  /** `_meta` of every message: the id of the `subscriptions/listen` request; undefined for a stdio session. */
  readonly subscriptionId: RequestId | undefined;
  send(text: string): void;
  /** The subscription is over: the caller may no longer see anything here, or the server stops. */
  end(): void;
}

/** What a subscriber's tool list looks like now; undefined when it may see nothing any more. */
export type CatalogueHash = (principal: Principal, workspaceId: string | undefined) => string | undefined;

export interface Subscriptions {
  /** False when the principal already holds as many as it may. */
  add(subscriber: Subscriber, hash: string): (() => void) | undefined;
  /** Compares what each subscriber saw with what it would see now, and tells those for whom it differs. */
  refresh(hashOf: CatalogueHash): void;
  endAll(): void;
  readonly size: number;
}

const perPrincipal = 16;

/** Holds the open subscriptions (2026-07-28, `subscriptions/listen`) and the stdio sessions that hear of changes. */
export function createSubscriptions(): Subscriptions {
  const open = new Map<Subscriber, string>();
  return {
    get size() {
      return open.size;
    },
    add(subscriber, hash) {
      let held = 0;
      for (const other of open.keys()) if (other.principal.id === subscriber.principal.id) held++;
      if (held >= perPrincipal) return undefined;
      open.set(subscriber, hash);
      return () => open.delete(subscriber);
    },
    refresh(hashOf) {
      for (const [subscriber, seen] of [...open]) {
        const hash = hashOf(subscriber.principal, subscriber.workspaceId);
        if (hash === undefined) {
          open.delete(subscriber);
          subscriber.end();
        } else if (hash !== seen) {
          open.set(subscriber, hash);
          subscriber.send(
            notificationText("notifications/tools/list_changed", metaOf(subscriber.subscriptionId)),
          );
        }
      }
    },
    endAll() {
      for (const subscriber of [...open.keys()]) {
        open.delete(subscriber);
        subscriber.end();
      }
    },
  };
}

/** `params` of a message that belongs to a subscription. */
export function metaOf(subscriptionId: RequestId | undefined): Record<string, unknown> {
  return subscriptionId === undefined ? {} : { _meta: { [metaKeys.subscriptionId]: subscriptionId } };
}
