import { createInterface } from "node:readline/promises";
import type { Profile } from "../../internal/config/config.js";
import { Fault } from "../../internal/errs/errs.js";

/** How clients come to this machine; those with steps to take once have `ctmcpctl tunnel setup`. */
export const reaches = ["local", "ngrok", "cloudflared", "devtunnel", "ssh", "proxy"] as const;
export type Reach = (typeof reaches)[number];

export interface Answers {
  /** As typed; at least one. */
  readonly folders: readonly string[];
  readonly reach: Reach;
  /** Undefined: this machine only, or the provider chooses. */
  readonly hostname: string | undefined;
  readonly profile: Profile;
}

export interface QuestionsOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** The folder an empty answer stands for; empty when there is none to offer. */
  readonly folder: string;
}

/** Asks four things on the terminal, each with a line that explains it. Throws FAILED when the input ends (Ctrl-C, Ctrl-D). */
export async function askAnswers({ stdin, stdout, folder }: QuestionsOptions): Promise<Answers> {
  const terminal = createInterface({ input: stdin, output: stdout });
  const ended = new AbortController();
  terminal.once("close", () => ended.abort());
  const ask: Ask = async ({ explain, question, fallback = "", isFine = () => true }) => {
    const shown = fallback === "" ? `${question}: ` : `${question} [${fallback}]: `;
    stdout.write(`\n${explain}\n`);
    for (;;) {
      const typed = (await terminal.question(shown, { signal: ended.signal })).trim() || fallback;
      if (isFine(typed)) return typed;
    }
  };
  try {
    const folders = listOf(await ask(folderQuestion(folder)));
    const reach = (await ask(reachQuestion)) as Reach;
    const hostname = isNamed(reach) ? await ask(hostnameQuestion) : undefined;
    const profile = (await ask(profileQuestion)) as Profile;
    return { folders, reach, hostname, profile };
  } catch (error) {
    if (ended.signal.aborted) throw new Fault("FAILED", "stopped; nothing was written", { cause: error });
    throw error;
  } finally {
    terminal.close();
  }
}

interface Question {
  /** One line. */
  readonly explain: string;
  readonly question: string;
  readonly fallback?: string;
  /** Another answer is asked for again. */
  readonly isFine?: (answer: string) => boolean;
}

type Ask = (question: Question) => Promise<string>;

const folderQuestion = (folder: string): Question => ({
  explain: "What clients work in; they see nothing else. Several: separated by commas.",
  question: "Folder to serve",
  fallback: folder,
  isFine: (answer) => listOf(answer).length > 0,
});

const reachQuestion: Question = {
  explain: "local (this machine), ngrok, cloudflared, devtunnel, ssh (tunnels), or proxy.",
  question: "How clients reach it",
  fallback: "local",
  isFine: (answer) => reaches.some((reach) => reach === answer),
};

const hostnameQuestion: Question = {
  explain: "As in https://mcp.example.com. Take one that stays: clients remember it.",
  question: "Public host name",
  isFine: (answer) => answer !== "",
};

const profileQuestion: Question = {
  explain: "read-only: look at files. full: also change them and run sandboxed commands.",
  question: "What clients may do",
  fallback: "read-only",
  isFine: (answer) => answer === "read-only" || answer === "full",
};

function isNamed(reach: Reach): boolean {
  return reach !== "local" && reach !== "devtunnel";
}

function listOf(answer: string): string[] {
  return answer
    .split(",")
    .map((folder) => folder.trim())
    .filter((folder) => folder !== "");
}
