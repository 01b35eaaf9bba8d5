/**
 * What git is told before anything else. None of it is the defence against a hostile repository, which can name programs
 * in ways that no option closes (gitattributes(5), filter); that is the sandbox. It keeps the answers the same whatever
 * is configured, and leaves programs that need not run alone.
 */
const settings = [
  "core.fsmonitor=false",
  "core.hooksPath=/dev/null",
  "core.quotePath=false",
  "log.showSignature=false",
  "diff.suppressBlankEmpty=false",
];

/**
 * The environment of every git command. The owner's configuration and the system's are not read; no transport may be
 * used, which a partial clone would do for objects it lacks, by a program that the repository names.
 */
export const gitEnvironment: Readonly<Record<string, string>> = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ALLOW_PROTOCOL: "",
  GIT_NO_LAZY_FETCH: "1",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_TERMINAL_PROMPT: "0",
  LC_ALL: "C",
};

/** They start a git in each submodule to see whether it is modified, and that one obeys the submodule's configuration. */
const entersSubmodules = ["status", "diff"];

/**
 * The shell text of a git command to be run at the top of a work tree. The repository is named and not searched for, so
 * that neither `core.worktree` nor a bare repository in the work tree can put another one in its place. Where nothing
 * confines it, submodules are not entered: only their commits are compared.
 */
export function gitCommand([command = "", ...args]: readonly string[], isConfined: boolean): string {
  const submodules = `--ignore-submodules=${isConfined ? "none" : "dirty"}`;
  const words = [
    "git",
    "--no-pager",
    "--no-optional-locks",
    "--literal-pathspecs",
    "--git-dir=.git",
    "--work-tree=.",
    ...settings.flatMap((setting) => ["-c", setting]),
    command,
    ...(entersSubmodules.includes(command) ? [submodules] : []),
    ...args,
  ];
  return `exec ${words.map(quote).join(" ")}`;
}

/** `text` as one word of a POSIX shell. */
function quote(text: string): string {
  return /^[\w./=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
