import { readFileSync } from "node:fs";

/** What a process and its descendants have used; ended children count once their parent has waited for them. */
export interface Usage {
  /** User and system time. The kernel counts in steps of 10 ms. */
  readonly cpuMs: number;
  readonly rssMiB: number;
}

/** The kernel's USER_HZ is 100 on every architecture Node runs on. */
const msPerTick = 10;

/** Reads /proc (Linux only). A descendant that ends meanwhile counts through its parent. */
export function usageOf(pid: number): Usage {
  return treeOf(pid)
    .map(usageOfOne)
    .reduce((sum, one) => ({ cpuMs: sum.cpuMs + one.cpuMs, rssMiB: sum.rssMiB + one.rssMiB }));
}

function treeOf(pid: number): number[] {
  const children = readOrEmpty(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap(treeOf)];
}

function usageOfOne(pid: number): Usage {
  // Fields are counted behind the command name, which may hold blanks and brackets itself: proc(5).
  const fields = readOrEmpty(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "")
    .split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const rssKiB = Number(/^VmRSS:\s+(\d+)/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1] ?? 0);
  return { cpuMs: ticks * msPerTick, rssMiB: rssKiB / 1024 };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
