import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestClock, type TestClock } from "../../test/support/clock.js";
import type { TunnelConfig } from "../config/config.js";
import type { Logger } from "../log/log.js";
import type { Child, ChildExit, ChildOptions, ChildStart } from "../supervisor/child.js";
import type { ProbeResult } from "./probe.js";
import { createTunnel, type Tunnel, type TunnelDeps } from "./tunnel.js";
import type { Launch, Provider, Sign, TunnelFault, TunnelReport, TunnelState } from "./types.js";

/** A program that does what a test says. */
export interface FakeChild extends Child {
  readonly options: ChildOptions;
  /** Puts out a line; `signLine` makes one that means something. */
  say(line: string): void;
  end(exit?: ChildExit): void;
  /** Milliseconds it takes to stop. */
  stopMs: number;
}

/** A tunnel on a clock that stands still, with everything around it in the hands of the test. */
export interface Stage {
  readonly clock: TestClock;
  readonly tunnel: Tunnel;
  /** Every child that was started, oldest first. */
  readonly children: readonly FakeChild[];
  readonly child: FakeChild;
  readonly running: number;
  readonly mostRunning: number;
  /** State and fault code of every change, such as `degraded PUBLIC_OFFLINE`. */
  readonly changes: readonly string[];
  readonly reports: readonly TunnelReport[];
  /** What onUrl was told, and each origin that was probed, in order. */
  readonly urls: readonly string[];
  readonly probes: number;
  readonly errors: number;
  /** What a probe answers with; never when undefined. */
  edge: ProbeResult | Promise<ProbeResult> | undefined;
  network: string;
  /** Called at each start, with the child once there is one. */
  onChild: (child: FakeChild) => void;
  start: ChildStart | undefined;
  launch: () => Promise<Partial<Launch>>;
  /** Lets time pass, and what waits for promises go on. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly hostname?: string;
  readonly provider?: Partial<Provider>;
  readonly config?: TunnelConfig;
  readonly random?: () => number;
  /** Time passes in steps of so many milliseconds. */
  readonly step?: number;
  readonly spawnChild?: TunnelDeps["spawnChild"];
}

export const good: ProbeResult = { ok: true, firstByteMs: 10 };

export function bad(code: string, of: TunnelFault["class"] = "backoff"): ProbeResult {
  return { ok: false, fault: fault(code, of) };
}

export function fault(code: string, of: TunnelFault["class"]): TunnelFault {
  return { code, class: of, text: `${code} happened`, hint: "mend it" };
}

/** A line that the fake provider reads as `sign`. */
export function signLine(sign: Sign): string {
  return `sign ${JSON.stringify(sign)}`;
}

export const ready = signLine({ kind: "ready" });
export const down = signLine({ kind: "down" });

export function createStage(options: StageOptions = {}): Stage {
  const clock = createTestClock();
  const { step = 250 } = options;
  const directory = mkdtempSync(join(tmpdir(), "tunnel-"));
  const children: FakeChild[] = [];
  const reports: TunnelReport[] = [];
  const urls: string[] = [];
  const counts = { running: 0, mostRunning: 0, probes: 0, errors: 0 };
  const log = silentLog(() => {
    counts.errors += 1;
  });

  const provider: Provider = {
    isStable: true,
    program: "fake",
    faults: [],
    async launch() {
      const parts = await stage.launch();
      return {
        argv: ["/bin/fake"],
        env: {},
        readSign: (line) => (line.startsWith("sign ") ? (JSON.parse(line.slice(5)) as Sign) : undefined),
        ...parts,
      };
    },
    ...options.provider,
  };

  function spawnFake(childOptions: ChildOptions): ChildStart {
    if (stage.start !== undefined) return stage.start;
    const child = fakeChild(childOptions, { pid: 100 + children.length, clock });
    children.push(child);
    counts.running += 1;
    counts.mostRunning = Math.max(counts.mostRunning, counts.running);
    void child.exit.then(() => {
      counts.running -= 1;
    });
    setImmediate(() => stage.onChild(child));
    return { ok: true, child };
  }

  const deps: Omit<TunnelDeps, "provider"> = {
    context: {
      config: options.config ?? { provider: "ngrok", authtoken: undefined, program: undefined },
      hostname: options.hostname,
      port: 8765,
      directory: join(directory, "run"),
      path: "",
      isChangeable: () => false,
      env: {},
      home: directory,
      freePort: async () => 1,
      pass: () => "pass",
    },
    async probe(origin) {
      counts.probes += 1;
      urls.push(`probe ${origin}`);
      return stage.edge ?? new Promise(() => undefined);
    },
    network: async () => stage.network,
    clock,
    random: options.random ?? (() => 0.5),
    redact: (text) => text,
    onState: (report) => reports.push(report),
    onUrl: (origin) => urls.push(`url ${origin}`),
    log,
    spawnChild: options.spawnChild ?? (async (childOptions) => spawnFake(childOptions)),
  };

  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const stage: Stage = {
    clock,
    get tunnel() {
      return tunnel;
    },
    children,
    get child() {
      return children.at(-1) as FakeChild;
    },
    get running() {
      return counts.running;
    },
    get mostRunning() {
      return counts.mostRunning;
    },
    get changes() {
      return reports.map(({ state, fault }) => (fault === null ? state : `${state} ${fault.code}`));
    },
    reports,
    urls,
    get probes() {
      return counts.probes;
    },
    get errors() {
      return counts.errors;
    },
    edge: good,
    network: "10.0.0.1",
    onChild: () => undefined,
    start: undefined,
    launch: async () => ({}),
    async advance(ms) {
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(step, left));
        await settle();
      }
      await settle();
    },
    async close() {
      const closed = tunnel.close();
      await stage.advance(11_000);
      await closed;
      if (existsSync(directory)) rmSync(directory, { recursive: true });
    },
  };
  const tunnel = createTunnel({ ...deps, provider });
  return stage;
}

/** Waits until the tunnel is in `state`, for at most `ms`; resolves with the milliseconds that took. */
export async function reach(stage: Stage, state: TunnelState, ms: number): Promise<number> {
  const begin = stage.clock.now();
  while (stage.tunnel.report().state !== state) {
    const waited = stage.clock.now() - begin;
    if (waited >= ms) throw new Error(`${stage.tunnel.report().state}, not ${state}, after ${waited} ms`);
    await stage.advance(250);
  }
  return stage.clock.now() - begin;
}

function fakeChild(options: ChildOptions, { pid, clock }: { pid: number; clock: TestClock }): FakeChild {
  const lines: string[] = [];
  let end = (_exit: ChildExit): void => undefined;
  const exit = new Promise<ChildExit>((resolve) => {
    end = resolve;
  });
  const child: FakeChild = {
    options,
    pid,
    exit,
    lines: () => lines,
    say(line) {
      lines.push(line);
      options.onLine(line);
    },
    end: (how = { code: 1, signal: null }) => end(how),
    stopMs: 0,
    stop() {
      const die = (): void => end({ code: null, signal: "SIGTERM" });
      if (child.stopMs === 0) die();
      else clock.after(child.stopMs, die);
      return exit;
    },
  };
  return child;
}

function silentLog(onError: () => void): Logger {
  const nothing = (): void => undefined;
  const log: Logger = {
    debug: nothing,
    info: nothing,
    notice: nothing,
    warning: nothing,
    error: (message) => {
      if (!message.startsWith("tunnel ")) onError();
    },
    child: () => log,
  };
  return log;
}
