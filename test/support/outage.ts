import { get } from "node:http";
import { setTimeout } from "node:timers/promises";

/** How a server did while something went on. */
export interface Outage {
  /** What came instead of an answer with status 200, for each such request; each had a connection of its own. */
  readonly refused: readonly string[];
  /** Milliseconds from the first request of a row that were refused to the next that was answered. */
  readonly longestMs: number;
  /** Milliseconds that the slowest request took, answered or not. */
  readonly slowestMs: number;
}

const pauseMs = 5;

/** Asks for `url` again and again until `during` has ended and an answer has come, and returns both outcomes. */
export async function watchOutage<T>(
  url: string,
  during: Promise<T>,
): Promise<{ readonly outcome: T; readonly outage: Outage }> {
  let isOver = false;
  const outcome = during.finally(() => {
    isOver = true;
  });
  const refused: string[] = [];
  let longestMs = 0;
  let slowestMs = 0;
  let since: number | undefined;
  while (!isOver || since !== undefined) {
    const begun = performance.now();
    const fault = await faultOf(url);
    slowestMs = Math.max(slowestMs, performance.now() - begun);
    if (fault !== undefined) {
      refused.push(fault);
      since ??= begun;
    } else if (since !== undefined) {
      longestMs = Math.max(longestMs, performance.now() - since);
      since = undefined;
    }
    await setTimeout(pauseMs);
  }
  return { outcome: await outcome, outage: { refused, longestMs, slowestMs } };
}

function faultOf(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    get(url, { agent: false }, (response) => {
      const { statusCode } = response;
      response.resume().on("close", () => resolve(statusCode === 200 ? undefined : `status ${statusCode}`));
    }).on("error", ({ message }) => resolve(message));
  });
}
