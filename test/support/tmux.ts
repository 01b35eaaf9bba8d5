import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A shell on a real terminal, with a person at the keyboard. */
export interface Tmux {
  /** Types a line and presses Enter. */
  type(line: string): Promise<void>;
  /** Presses a key as tmux names it: `C-c`, `Enter`. */
  press(key: string): Promise<void>;
  /** Everything shown so far, also what scrolled away; `styled`: with the escape sequences that colour it. */
  shown(options?: { readonly styled: boolean }): Promise<string>;
  /** What is on the screen now. */
  screen(): Promise<string>;
  /** Waits until what is shown matches; the test file's time limit ends what never comes. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  close(): Promise<void>;
}

export interface TmuxOptions {
  /** Also the home directory. */
  readonly dir: string;
  readonly columns: number;
  readonly rows: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a tmux server of its own, its socket in `dir`, with /bin/sh in it. */
export async function startTmux({ dir, columns, rows, env }: TmuxOptions): Promise<Tmux> {
  const socket = join(dir, "tmux.sock");
  const environment = { HOME: dir, TERM: "xterm-256color", LC_ALL: "C.UTF-8", PS1: "$ ", ...env };
  const tmux = async (...args: readonly string[]): Promise<string> =>
    (await run("tmux", ["-u", "-S", socket, "-f", "/dev/null", ...args], { env: environment, cwd: dir }))
      .stdout;
  const size = ["-x", String(columns), "-y", String(rows)];
  await tmux("new-session", "-d", ...size, "/bin/sh");
  const shown: Tmux["shown"] = ({ styled } = { styled: false }) =>
    tmux("capture-pane", "-p", "-J", "-S", "-", ...(styled ? ["-e"] : []));
  return {
    async type(line) {
      await tmux("send-keys", "-l", "--", line);
      await tmux("send-keys", "Enter");
    },
    async press(key) {
      await tmux("send-keys", key);
    },
    shown,
    screen: () => tmux("capture-pane", "-p"),
    async until(pattern) {
      for (;;) {
        const match = pattern.exec(await shown());
        if (match !== null) return match;
        await setTimeout(50);
      }
    },
    async close() {
      await tmux("kill-server");
    },
  };
}
