/** The program that clients start as their browser: `browser-main.js SETTINGS URL`. */
import { appendFileSync, readFileSync } from "node:fs";
import { type Answer, createBrowser, signIn } from "./browser.js";

const [settings = "", url = ""] = process.argv.slice(2);
const { answer, journal } = JSON.parse(readFileSync(settings, "utf8")) as {
  readonly answer: Answer;
  readonly journal: string;
};
const target = await signIn(createBrowser(), url, answer);
// Before the client hears of it, which may be the last thing that a test waits for.
appendFileSync(journal, `${target.origin}${target.pathname}\n`);
await fetch(target);
