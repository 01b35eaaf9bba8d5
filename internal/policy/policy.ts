import type { PermissionMode } from "../config/config.js";
import { Fault } from "../errs/errs.js";
import { analyse } from "./analyse.js";
import { isSensitiveVariable } from "./environment.js";
import { createPlaces } from "./places.js";
import { loadShell, type Shell } from "./shell.js";
import type { CheckContext, Finding, Permission } from "./types.js";

/** Linux takes no single argument longer than this, and the command line is one argument of the shell. */
const maxCommandBytes = 131_071;

/** What each mode refuses; `network` only while the configuration gives none. */
const refusedBy: Readonly<Record<PermissionMode, ReadonlySet<Permission>>> = {
  safe: new Set<Permission>([
    "filesystem_escape",
    "privileged_executable",
    "sensitive_env",
    "inline_script",
    "shell_expansion",
    "destructive_command",
    "network",
  ]),
  trusted: new Set<Permission>([
    "filesystem_escape",
    "privileged_executable",
    "sensitive_env",
    "destructive_command",
  ]),
  dangerous: new Set(),
};

/** Says which commands a mode refuses before they run. */
export interface Policy {
  /**
   * Everything about the command that its mode refuses, the first to be named first; empty: it may run.
   * This is an early and honest answer for whoever wrote the command, no wall: what a program does once it runs is
   * held by the sandbox alone. INVALID_ARGUMENT when the command is longer than a shell takes.
   */
  refusals(command: string, context: CheckContext): Promise<readonly Finding[]>;
}

/** A policy whose shell parser is loaded by the first command that needs it. */
export function createPolicy(): Policy {
  let loading: Promise<Shell> | undefined;
  return {
    async refusals(command, context) {
      const bytes = Buffer.byteLength(command);
      if (bytes > maxCommandBytes) {
        throw new Fault(
          "INVALID_ARGUMENT",
          `the command is ${bytes} bytes long, a shell takes ${maxCommandBytes}`,
          {
            hint: "write a script file and run that",
          },
        );
      }
      const refused = refusedBy[context.mode];
      if (refused.size === 0) return [];
      loading ??= loadShell();
      const findings = findingsIn(await loading, command, context);
      return findings.filter(
        ({ permission, always }) =>
          always || (refused.has(permission) && !(permission === "network" && context.allowNetwork)),
      );
    },
  };
}

/** `always`: refused wherever anything is refused. */
type Candidate = Finding & { readonly always?: boolean };

/** In the order in which a refusal is named: places, environment, inline code, expansion, destruction, network. */
function findingsIn(shell: Shell, command: string, context: CheckContext): readonly Candidate[] {
  const { home, root, cwd, stdin } = context;
  const analysis = analyse(command, { shell, cwd, stdin, variables: { HOME: home, PWD: `${root}/${cwd}` } });
  const places = createPlaces(context);
  const outside = places.outside([...analysis.paths, ...analysis.programs]);
  const privileged = places.privileged(analysis.programs);
  const keys = Object.entries(context.env).flatMap(([name, value]) =>
    isSensitiveVariable(name, value) ? [name] : [],
  );
  return [
    ...outside.map((path) =>
      finding("filesystem_escape", `${path} is outside the workspace, access denied`, { path }),
    ),
    ...privileged.map((path) =>
      finding(
        "privileged_executable",
        `${path} runs with the rights of its owner (setuid or setgid), denied`,
        { path },
      ),
    ),
    ...(keys.length === 0
      ? []
      : [
          finding(
            "sensitive_env",
            `variable ${keys.join(", ")} looks like a secret or a loader setting, denied`,
            { env_keys: keys },
          ),
        ]),
    ...analysis.inline.map((what) => finding("inline_script", `inline script denied: ${what}`)),
    ...analysis.unreadable.map((problem) => ({
      ...finding("shell_expansion", `the command cannot be read as shell, denied: ${problem}`),
      always: true,
    })),
    ...analysis.expansions.map((what) =>
      finding("shell_expansion", `shell expansion denied: ${shown(what)}`),
    ),
    ...analysis.destructive.map((what) =>
      finding("destructive_command", `destructive command denied: ${what}`),
    ),
    ...analysis.network.map((what) => finding("network", `network access denied: ${shown(what)}`)),
  ];
}

function finding(permission: Permission, message: string, details: Record<string, unknown> = {}): Finding {
  return { permission, message, details };
}

function shown(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
