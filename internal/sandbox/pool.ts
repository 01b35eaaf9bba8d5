import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock/clock.js";
import { Fault, messageOf } from "../errs/errs.js";
import type { Backend, Confined } from "./backend.js";
import { asProcess } from "./process.js";
import { commandScript, environmentScript, holderScript, slotScript, terminalScript } from "./script.js";
import { keepSlots, type Slots } from "./slots.js";
import { connectSpawner, type Launched, type Spawner } from "./spawner.js";
import { type PtyModule, startTerminal } from "./terminal.js";
import type { RunningProcess, SandboxPolicy, StartRequest } from "./types.js";

/** What all pools share. */
export interface PoolDeps {
  readonly backend: Backend;
  /** The host's spawner; started again should it have ended. */
  readonly spawner: () => Spawner;
  /** Absolute paths of the shell and of mkfifo. */
  readonly bash: string;
  readonly mkfifo: string;
  /** Where FIFOs are; private, and hidden from commands. */
  readonly directory: string;
  readonly nextId: () => number;
  /** What the sandbox's own processes see; nothing of the daemon's, nothing of the policy's. */
  readonly env: Readonly<Record<string, string>>;
  readonly root: boolean;
  readonly clock: Clock;
  /** Slots kept ready. */
  readonly spare: number;
  readonly loadPty: () => Promise<PtyModule>;
}

/** The processes of one policy. */
export interface Pool {
  start(request: StartRequest): Promise<RunningProcess>;
  /** Commands that start or have not ended. */
  readonly running: () => number;
  /** Kills every process. */
  kill(): void;
  /** Ends what waits for a command, and everything once the last command has ended. */
  drain(): void;
}

interface Holder {
  /** Starts the commands. */
  readonly spawner: Spawner;
  /** Started the holder itself. */
  readonly outer: Spawner;
  /** The process that holds what the commands share; undefined: there is none. */
  readonly process: Launched | undefined;
}

interface Warm {
  readonly stamp: string;
  readonly slots: Slots;
}

export function createPool(policy: SandboxPolicy, deps: PoolDeps): Pool {
  const { backend, bash, directory, nextId, env, spare } = deps;
  const commands = new Set<RunningProcess>();
  let holding: Promise<Holder> | undefined;
  let warm: Warm | undefined;
  let starting = 0;
  let isDraining = false;
  let isKilled = false;
  for (const path of [policy.home, policy.tmp, policy.cache])
    mkdirSync(path, { recursive: true, mode: 0o700 });

  function holder(): Promise<Holder> {
    holding ??= hold().catch((error: unknown) => {
      holding = undefined;
      throw unavailable(error);
    });
    return holding;
  }

  async function hold(): Promise<Holder> {
    const outer = deps.spawner();
    const argv = backend.holder(policy);
    if (argv === undefined) return { spawner: outer, outer, process: undefined };
    const process = await outer.launch({
      argv: [...argv, bash, "--norc", "-c", holderScript(deps.root), bash, directory, deps.mkfifo],
      filter: "/dev/null",
    });
    const spawner = connectSpawner({ input: process.stdin, output: process.stdout, directory, nextId });
    // Nobody reads what goes wrong in there later; a full pipe would stop it.
    void process.stderr.read(() => undefined);
    void spawner.closed.then(() => {
      holding = undefined;
      warm?.slots.close();
      warm = undefined;
      process.stdin.destroy();
    });
    if (isKilled) killHolder({ spawner, outer, process });
    return { spawner, outer, process };
  }

  function killHolder({ outer, process }: Holder): void {
    if (process !== undefined) outer.kill("KILL", process.pid);
  }

  function slotsOf({ spawner, process }: Holder): Warm {
    const stamp = backend.stamp(policy);
    if (warm?.stamp === stamp) return warm;
    warm?.slots.close();
    const confined = backend.confine(policy, { terminal: false, held: process !== undefined });
    const argv = [...confined.argv, bash, "-c", slotScript, "bash"];
    const program = { argv, filter: backend.filter };
    const variables = environmentScript(environment(confined), confined.seals);
    const launch = (): Promise<Launched> => spawner.launch(program, variables);
    warm = { stamp, slots: keepSlots({ launch, spare: isDraining ? 0 : spare, clock: deps.clock }) };
    return warm;
  }

  /** Once more when it fails under a plan of before: the place may have changed since, as by a mount of the owner's. */
  async function takeSlot(held: Holder, signal: AbortSignal): Promise<Launched> {
    for (;;) {
      const before = warm;
      const present = slotsOf(held);
      try {
        return await present.slots.take(signal);
      } catch (error) {
        if (signal.aborted) throw error;
        present.slots.close();
        if (warm === present) warm = undefined;
        if (present !== before) throw unavailable(error);
      }
    }
  }

  async function startPiped(request: StartRequest): Promise<RunningProcess> {
    const script = commandScript(request);
    const held = await holder();
    const slot = await takeSlot(held, request.signal);
    try {
      slot.run(script);
    } catch (error) {
      slot.abandon();
      throw unavailable(error);
    }
    return asProcess(slot, (signal) => held.spawner.kill(signal, -slot.pid));
  }

  async function startOnTerminal(
    request: StartRequest,
    size: { cols: number; rows: number },
  ): Promise<RunningProcess> {
    const { process } = await holder();
    const confined = backend.confine(policy, { terminal: true, held: process !== undefined });
    const joined = process === undefined ? [] : backend.join(process.pid);
    return startTerminal({
      load: deps.loadPty,
      bash,
      argv: [...joined, ...confined.argv, bash, "-c", terminalScript, "bash"],
      script: environmentScript(environment(confined), confined.seals) + commandScript(request),
      scriptFile: join(directory, `${nextId()}.script`),
      filter: backend.filter,
      env,
      size,
      nested: backend.nested,
      signal: request.signal,
    });
  }

  function environment(confined: Confined): Record<string, string> {
    return { ...policy.env, PATH: policy.path, ...confined.env };
  }

  function finish(): void {
    isKilled = true;
    warm?.slots.close();
    warm = undefined;
    void holding?.then(killHolder, () => undefined);
  }

  function running(): number {
    return commands.size + starting;
  }

  function finishDrained(): void {
    if (isDraining && running() === 0) finish();
  }

  return {
    async start(request) {
      request.signal.throwIfAborted();
      starting += 1;
      try {
        const { tty } = request;
        const command = await (tty === undefined ? startPiped(request) : startOnTerminal(request, tty));
        commands.add(command);
        void command.exit.then(() => {
          commands.delete(command);
          finishDrained();
        });
        if (isKilled) command.kill("KILL");
        return command;
      } finally {
        starting -= 1;
        finishDrained();
      }
    },
    running,
    kill() {
      for (const command of commands) command.kill("KILL");
      finish();
    },
    drain() {
      isDraining = true;
      warm?.slots.close();
      finishDrained();
    },
  };
}

function unavailable(error: unknown): Fault {
  if (error instanceof Fault) return error;
  return new Fault("SANDBOX_UNAVAILABLE", `the sandbox did not start: ${messageOf(error)}`, { cause: error });
}
