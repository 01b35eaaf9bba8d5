import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { streamOutput } from "../../internal/sandbox/output.js";
import type { RunningProcess, Sandbox, SandboxPolicy } from "../../internal/sandbox/types.js";

/** Starts commands as plain process groups, confined by nothing. A terminal is not offered. */
export function createDirectSandbox(): Pick<Sandbox, "start"> {
  return {
    async start(policy, { cmd, cwd, env, signal }) {
      signal.throwIfAborted();
      const child = spawn("/bin/bash", ["-c", cmd], {
        cwd: join(policy.root, cwd),
        env: { PATH: policy.path, HOME: policy.home, ...policy.env, ...env },
        detached: true,
      });
      await once(child, "spawn");
      const kill: RunningProcess["kill"] = (name) => {
        try {
          process.kill(-(child.pid ?? 0), `SIG${name}`);
        } catch {
          // Nothing of it is left.
        }
      };
      const exit = once(child, "exit").then(([code, by]) => {
        kill("KILL");
        return { code, signal: by };
      });
      const { stdin, stdout, stderr } = child;
      const outputs = { stdout: streamOutput(stdout), stderr: streamOutput(stderr) };
      return { stdin, ...outputs, exit, kill, resize: () => undefined };
    },
  };
}

/** A policy for `root` that lets everything through. */
export function openPolicy(root: string): SandboxPolicy {
  return {
    id: "test",
    root,
    readOnly: false,
    network: "none",
    read: [],
    write: [],
    masks: [],
    home: root,
    tmp: "/tmp",
    cache: root,
    path: process.env.PATH ?? "",
    env: {},
  };
}
