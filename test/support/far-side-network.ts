import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A machine's network and host names, without the machine. What runs in it is started by `enter`. */
export interface Side {
  /** Goes before a program and its arguments; the process stays the same. The working folder becomes /. */
  readonly enter: readonly [string, ...string[]];
  /** An executable that is node, on this side. */
  readonly node: string;
}

/** Two sides with one cable between them. */
export interface Sides {
  /** Has no way anywhere but through the cable. */
  readonly home: Side;
  readonly far: Side;
  /** Pulls the cable out of home, which then has no way to the internet. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

const homeAddress = "10.77.0.1";
export const farAddress = "10.77.0.2";

/** Lasts as long as its standard input, which is this process's. */
const stay = `mount --bind "$1" /etc/hosts && ip link set lo up && echo there && exec cat`;

/**
 * Makes them of namespaces, which are gone with this process, on Linux and as root. On both, `host` is the far side.
 */
export async function startSides(dir: string, host: string): Promise<Sides> {
  const hosts = join(dir, "hosts");
  writeFileSync(hosts, `127.0.0.1 localhost\n${farAddress} ${host}\n`);
  const holders = await Promise.all([hold(hosts), hold(hosts)]);
  const [home, far] = holders.map(({ pid }, at) => sideOf(dir, `side-${at}`, pid ?? 0)) as [Side, Side];

  function ip(side: Side, command: string): void {
    const [file, ...args] = [...side.enter, "ip", ...command.split(" ")] as [string, ...string[]];
    execFileSync(file, args, { stdio: "pipe" });
  }
  function mend(): void {
    ip(home, "link set cable up");
    ip(home, `route replace default via ${farAddress}`);
  }

  ip(far, `link add cable type veth peer name cable netns ${holders[0]?.pid}`);
  ip(home, `address add ${homeAddress}/29 dev cable`);
  ip(far, `address add ${farAddress}/29 dev cable`);
  ip(far, "link set cable up");
  mend();
  return {
    home,
    far,
    cut: () => ip(home, "link set cable down"),
    mend,
    async close() {
      for (const holder of holders) holder.stdin?.end();
      await Promise.all(holders.map((holder) => holder.exitCode ?? once(holder, "exit")));
    },
  };
}

async function hold(hosts: string): Promise<ChildProcess> {
  const namespaces = ["--net", "--mount", "--propagation", "private"];
  const child = spawn("unshare", [...namespaces, "sh", "-c", stay, "sh", hosts], { stdio: "pipe" });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  await Promise.race([once(child.stdout, "data"), once(child, "close")]);
  if (output.trim() !== "there") {
    child.kill();
    throw new Error(`this test makes network namespaces: Linux, root, util-linux and iproute2: ${output}`);
  }
  return child;
}

function sideOf(dir: string, name: string, pid: number): Side {
  const enter = ["nsenter", `--target=${pid}`, "--net", "--mount", "--"] as const;
  const node = join(dir, `${name}-node`);
  writeFileSync(node, `#!/bin/sh\nexec ${enter.join(" ")} '${process.execPath}' "$@"\n`);
  chmodSync(node, 0o755);
  return { enter: [...enter], node };
}
