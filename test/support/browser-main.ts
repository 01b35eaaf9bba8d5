/** The program that clients start as their browser: `browser-main.js SETTINGS URL`. */
import { appendFileSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { type Answer, createBrowser, signIn } from "./browser.js";

const [settings = "", url = ""] = process.argv.slice(2);
const { answer, journal } = JSON.parse(readFileSync(settings, "utf8")) as {
  readonly answer: Answer;
  readonly journal: string;
};
const target = await signIn(createBrowser(), url, answer);
// Before the client hears of it, which may be the last thing that a test waits for.
appendFileSync(journal, `${target.origin}${target.pathname}\n`);
await follow(target);

/**
 * Goes to where the client waits for the answer, and reloads while nothing listens there: mcp-remote opens its port only
 * after it has seen the browser run for half a second, and takes one that fails sooner for broken and starts another.
 */
async function follow(url: URL): Promise<void> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      const { cause } = error as { readonly cause?: { readonly code?: string } };
      if (cause?.code !== "ECONNREFUSED" || performance.now() > deadline) throw error;
    }
    await setTimeout(50);
  }
}
