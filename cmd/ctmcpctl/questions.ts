import { createInterface } from "node:readline/promises";
import type { AuthMode, Profile } from "../../internal/config/config.js";
import { Fault } from "../../internal/errs/errs.js";

export interface Answers {
  /** As typed; at least one. */
  readonly folders: readonly string[];
  readonly profile: Profile;
  /** Undefined: this machine only. */
  readonly hostname: string | undefined;
  readonly authMode: AuthMode;
}

export interface QuestionsOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** The folder an empty answer stands for; empty when there is none to offer. */
  readonly folder: string;
}

/** Asks on the terminal for what a config cannot do without. Throws FAILED when the input ends (Ctrl-C, Ctrl-D). */
export async function askAnswers({ stdin, stdout, folder }: QuestionsOptions): Promise<Answers> {
  const terminal = createInterface({ input: stdin, output: stdout });
  const ended = new AbortController();
  terminal.once("close", () => ended.abort());
  const ask = async (question: string, fallback = ""): Promise<string> => {
    const shown = fallback === "" ? `${question}: ` : `${question} [${fallback}]: `;
    return (await terminal.question(shown, { signal: ended.signal })).trim() || fallback;
  };
  try {
    const folders = await askFolders(ask, folder);
    return {
      folders,
      profile: await askProfile(ask),
      hostname: await askHostname(ask),
      authMode: await askAuthMode(ask),
    };
  } catch (error) {
    if (ended.signal.aborted) throw new Fault("FAILED", "stopped; nothing was written", { cause: error });
    throw error;
  } finally {
    terminal.close();
  }
}

type Ask = (question: string, fallback?: string) => Promise<string>;

async function askFolders(ask: Ask, offered: string): Promise<string[]> {
  const folders: string[] = [];
  for (;;) {
    const first = folders.length === 0;
    const folder = await (first
      ? ask("Folder to serve", offered)
      : ask("Another folder, or nothing to go on"));
    if (folder !== "") folders.push(folder);
    else if (!first) return folders;
  }
}

async function askProfile(ask: Ask): Promise<Profile> {
  for (;;) {
    const answer = await ask("What may clients do there, read-only or full", "read-only");
    if (answer === "read-only" || answer === "full") return answer;
  }
}

async function askHostname(ask: Ask): Promise<string | undefined> {
  return (await ask("Public host name, or nothing for this machine only")) || undefined;
}

/** `none` is not offered: it takes a config that says so, and no hostname. */
async function askAuthMode(ask: Ask): Promise<AuthMode> {
  for (;;) {
    const answer = await ask(
      "How clients sign in: oauth (a page asks for your password), bearer (a token), or oauth+bearer",
      "bearer",
    );
    if (answer === "oauth" || answer === "bearer" || answer === "oauth+bearer") return answer;
  }
}
