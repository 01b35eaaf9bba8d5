import { get } from "node:http";
import { errnoOf } from "../../errs/errs.js";

export interface LocalAnswer {
  readonly status: number;
  /** At most 16 KiB. */
  readonly body: string;
}

const timeLimitMs = 3000;
const bodyLimit = 16 * 1024;

/**
 * Asks a program's endpoint on this machine. Undefined while nothing listens there. Rejects when it does not answer
 * within 3 s, which tells that the program hangs, and when `signal` is aborted.
 */
export async function askLocal(url: string, signal: AbortSignal): Promise<LocalAnswer | undefined> {
  try {
    return await ask(url, AbortSignal.any([signal, AbortSignal.timeout(timeLimitMs)]));
  } catch (error) {
    if (errnoOf(error) === "ECONNREFUSED") return undefined;
    throw error;
  }
}

function ask(url: string, signal: AbortSignal): Promise<LocalAnswer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { signal, agent: false }, async (response) => {
      try {
        let body = "";
        for await (const text of response.setEncoding("utf8")) {
          body += text;
          if (body.length >= bodyLimit) break;
        }
        resolve({ status: response.statusCode ?? 0, body: body.slice(0, bodyLimit) });
      } catch (error) {
        reject(error);
      }
    });
    request.on("error", reject);
  });
}
