import { setTimeout } from "node:timers/promises";
import { type Clock, systemClock } from "../../internal/clock/clock.js";
import { type Daemon, startDaemon } from "../../internal/daemon/daemon.js";
import type { PrepareStep } from "../../internal/daemon/engine.js";
import { createToolbox } from "../../internal/daemon/toolbox.js";
import { createLog, type Log } from "../../internal/log/log.js";
import { createRedactor } from "../../internal/log/redact.js";
import type { Tool } from "../../internal/tools/types.js";
import { compileValidators } from "./mcp-parts.js";
import { makePlace, type Place } from "./place.js";
import { openResources } from "./resources.js";
import type { Endpoint } from "./rpc.js";

export interface FixtureDaemon extends Place {
  readonly daemon: Daemon;
  readonly log: Log;
  /** Where it serves now, with the token as it is on disk now. */
  endpoint(): Endpoint;
}

export interface FixtureOptions {
  /** Served beside the tools of the product. */
  readonly tools?: readonly Tool[];
  readonly clock?: Clock;
  readonly onStep?: (step: PrepareStep | "load") => void;
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Runs `test` against the whole daemon in this process, and takes it down. */
export async function withDaemon(
  { tools = [], clock = systemClock, onStep, config }: FixtureOptions,
  test: (daemon: FixtureDaemon) => Promise<void>,
): Promise<void> {
  const place = makePlace();
  place.configure(config);
  const env = { PATH: process.env.PATH };
  const redactor = createRedactor();
  const stream = { write: () => true, on: () => {} };
  const log = createLog({ level: "info", stream, env, redactor, clock });
  try {
    const daemon = await startDaemon({
      path: place.configPath,
      env,
      home: place.dir,
      uid: process.getuid?.() ?? 0,
      clock,
      log,
      redactor,
      shell: undefined,
      toolbox(workshop) {
        const toolbox = createToolbox({ clock, env, home: place.dir, workshop });
        return {
          ...toolbox,
          tools: (current) => [...toolbox.tools(current), ...tools],
          validators: { ...toolbox.validators, ...compileValidators(tools) },
        };
      },
      ...(onStep && { onStep }),
    });
    await daemon.settled();
    // The self-test is over when its last command has ended, and its pipes close a moment later.
    while (openResources().some((name) => /\/sandbox-.*deleted/.test(name))) await setTimeout(5);
    const endpoint = (): Endpoint => {
      const { host, port } = daemon.address();
      return { url: `http://${host}:${port}/mcp`, token: place.token() };
    };
    await test({ ...place, daemon, log, endpoint }).finally(() => daemon.close(0));
  } finally {
    place.remove();
  }
}
