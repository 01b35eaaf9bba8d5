import type { Clock } from "../clock/clock.js";
import { Fault } from "../errs/errs.js";
import type { Output, Sandbox, SandboxPolicy, StartRequest } from "../sandbox/types.js";

export interface RunOptions {
  readonly sandbox: Pick<Sandbox, "start">;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly policy: SandboxPolicy;
  readonly request: StartRequest;
  /** Of standard output; when there is more, the command is killed. */
  readonly maxBytes: number;
}

export interface RunEnd {
  readonly how: "ended" | "cut" | "timeout";
  readonly stdout: Buffer;
  /** Its beginning. */
  readonly stderr: string;
  /** Null after a signal. */
  readonly code: number | null;
}

const maxStderrBytes = 4096;

/** Runs a command without input to its end, or to a limit. Faults: CANCELLED, and those of Sandbox.start. */
export async function runInSandbox(options: RunOptions): Promise<RunEnd> {
  const { sandbox, clock, timeoutMs, policy, request, maxBytes } = options;
  const { signal } = request;
  if (signal.aborted) throw cancelled();
  let stopped: "cut" | "timeout" | "cancelled" | undefined;
  const limit = new AbortController();
  const stop = (how: typeof stopped): void => {
    stopped ??= how;
    limit.abort();
  };
  const onAbort = (): void => stop("cancelled");
  signal.addEventListener("abort", onAbort, { once: true });
  const stopTimer = clock.after(timeoutMs, () => stop("timeout"));
  try {
    const child = await sandbox.start(policy, { ...request, signal: limit.signal });
    limit.signal.addEventListener("abort", () => child.kill("KILL"), { once: true });
    if (limit.signal.aborted) child.kill("KILL");
    child.stdin.on("error", () => undefined);
    child.stdin.end();
    const [stdout, stderr, exit] = await Promise.all([
      gather(child.stdout, maxBytes, () => stop("cut")),
      gather(child.stderr, maxStderrBytes, () => undefined),
      child.exit,
    ]);
    if (stopped === "cancelled") throw cancelled();
    return { how: stopped ?? "ended", stdout, stderr: stderr.toString(), code: exit.code };
  } catch (error) {
    if (stopped === "cancelled") throw cancelled();
    if (stopped === "timeout") return { how: "timeout", stdout: Buffer.alloc(0), stderr: "", code: null };
    throw error;
  } finally {
    stopTimer();
    signal.removeEventListener("abort", onAbort);
  }
}

/** The first `maxBytes` of an output; reads on without keeping anything when there is more. */
async function gather(output: Output, maxBytes: number, onMore: () => void): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  await output.read((bytes) => {
    const room = maxBytes - size;
    if (room > 0) parts.push(Buffer.from(bytes.subarray(0, room)));
    size += bytes.length;
    if (size > maxBytes) onMore();
  });
  return Buffer.concat(parts);
}

function cancelled(): Fault {
  return new Fault("CANCELLED", "the call was cancelled");
}
