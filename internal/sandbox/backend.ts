import type { Seal } from "./seal.js";
import type { SandboxPolicy } from "./types.js";

/** How one machine confines commands: what goes before a command. */
export interface Backend {
  /**
   * The arguments of a process, started once per policy, that starts that policy's commands. Undefined: the host's own
   * spawner does.
   */
  holder(policy: SandboxPolicy): readonly string[] | undefined;
  /** Looks at the file system. */
  confine(policy: SandboxPolicy, options: ConfineOptions): Confined;
  /** Changes when `confine` would say something else; cheap, for it is asked before each command. */
  stamp(policy: SandboxPolicy): string;
  /** Goes before a terminal's arguments, so that it shares what the holder with this process id holds. */
  join(holderPid: number): readonly string[];
  /** The command is a grandchild of what is started, not the process itself. */
  readonly nested: boolean;
  /** Absolute path of the system call filter, or of /dev/null. */
  readonly filter: string;
}

export interface ConfineOptions {
  readonly terminal: boolean;
  /** Started by, or joined to, the policy's holder. */
  readonly held: boolean;
}

export interface Confined {
  /** Goes before the command. */
  readonly argv: readonly string[];
  /** What makes sure, from inside, that it confines as planned. */
  readonly seals: readonly Seal[];
  /** HOME and TMPDIR as seen inside. */
  readonly env: Readonly<Record<string, string>>;
}
