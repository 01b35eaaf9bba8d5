/**
 * What is out in the world, in a process of its own: a reverse proxy on port 443, and a client that signs in through it
 * and counts. Does what it is asked to over the channel to the process that started it.
 */
import { request } from "node:http";
import { createServer } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { createBrowser } from "./browser.js";
import type { FarSide, Reply, Request, Tally } from "./far-side-client.js";
import { type LibraryClient, startSdk1 } from "./sign-in-libraries.js";

let forwardTo = 0;
let client: LibraryClient | undefined;
let counter: Counter | undefined;

const side: FarSide = {
  serve: ({ key, cert }) =>
    new Promise((resolve) => {
      const server = createServer({ key, cert }, (req, res) => {
        const { method, url: path, headers } = req;
        const to = { host: "127.0.0.1", port: forwardTo, method, path, headers, agent: false };
        const inner = request(to, (answer) => {
          res.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.on("error", () => res.destroy()).pipe(res);
        });
        inner.on("error", () => (res.headersSent ? res.destroy() : res.writeHead(502).end()));
        res.on("close", () => inner.destroy());
        req.pipe(inner);
      });
      server.listen(443, resolve);
    }),
  async forward(port) {
    forwardTo = port;
  },
  async signIn(url, owner) {
    client = await startSdk1({ browser: createBrowser(), readOnly: owner }, url);
    counter = createCounter(client);
    return client.tools();
  },
  async spoilAccess() {
    client?.spoilAccess();
  },
  async count() {
    counter?.start();
  },
  async answered() {
    await counter?.answered();
  },
  async rest() {
    return { ...(await counter?.rest()), signIns: client?.signIns() } as Tally;
  },
};

type Counter = ReturnType<typeof createCounter>;

/** Counts in a file, one command for each number, each repeated with its own request id until it has been answered. */
function createCounter({ call }: LibraryClient) {
  const tally = { counted: [] as string[], repeated: 0, attached: 0, troubles: {} as Record<string, number> };
  let isResting = false;
  let counting = Promise.resolve();
  /** Of those who wait, whom the next call is for. */
  let waiting = new Set<() => void>();

  async function countOn(): Promise<void> {
    while (!isResting) {
      const id = `call-${tally.counted.length}`;
      while (!(await say(id))) {
        tally.repeated += 1;
        await sleep(100);
      }
      tally.counted.push(id);
    }
  }

  async function say(id: string): Promise<boolean> {
    const tellers = waiting;
    waiting = new Set();
    try {
      // It runs on for a moment, so that a fault can meet it when it has counted and not yet been answered.
      const cmd = `echo ${id} >> counter; sleep 0.2`;
      const { structuredContent: said, content } = await call("exec_command", { cmd, request_id: id });
      if (said?.exit_code !== 0) throw new Error(content[0]?.text);
      if (said.warnings.length > 0) tally.attached += 1;
      for (const tell of tellers) tell();
      return true;
    } catch (error) {
      const [trouble = ""] = String((error as Error).message).split("\n");
      tally.troubles[trouble] = (tally.troubles[trouble] ?? 0) + 1;
      for (const tell of tellers) waiting.add(tell);
      return false;
    }
  }

  return {
    start(): void {
      isResting = false;
      counting = countOn();
    },
    answered: () => new Promise<void>((tell) => void waiting.add(tell)),
    async rest(): Promise<Omit<Tally, "signIns">> {
      isResting = true;
      await counting;
      return tally;
    },
  };
}

process.on("message", async ({ id, method, args }: Request) => {
  const work = side[method] as (...args: unknown[]) => Promise<unknown>;
  const reply: Reply = await work(...args).then(
    (value) => ({ id, value }),
    (error: Error) => ({ id, failure: error.stack ?? error.message }),
  );
  process.send?.(reply);
});
process.on("disconnect", () => process.exit());
