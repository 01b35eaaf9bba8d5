/** Variables, besides those of the dynamic linker, by which a program loads code from elsewhere before its own. */
const loaders: ReadonlySet<string> = new Set([
  "BASH_ENV",
  "ENV",
  "NODE_OPTIONS",
  "PERL5LIB",
  "PERL5OPT",
  "PYTHONPATH",
  "PYTHONSTARTUP",
  "RUBYLIB",
  "RUBYOPT",
]);

export interface Refusal {
  readonly reason: string;
  readonly hint: string;
}

/** True for a variable that makes programs run code of somebody's choice before their own. */
export function steersLoader(name: string): boolean {
  return loaders.has(name) || /^(?:LD|DYLD)_/.test(name);
}

/** Why the configuration cannot give every command this variable, or undefined when it can. */
export function refusedVariable(name: string): Refusal | undefined {
  if (steersLoader(name)) {
    return {
      reason: "makes programs load code before their own",
      hint: "set it in a script of the project, for the one program that needs it",
    };
  }
  if (name === "PATH") {
    return { reason: "comes from your login shell", hint: "name further folders in exec.path" };
  }
  if (name === "HOME" || name === "TMPDIR") {
    return { reason: "is the sandbox's own", hint: "remove it" };
  }
  return undefined;
}
