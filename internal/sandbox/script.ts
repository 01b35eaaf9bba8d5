import { Fault } from "../errs/errs.js";
import type { Seal } from "./seal.js";
import type { StartRequest } from "./types.js";

/**
 * Descriptors a launched program finds open. Its own input and output come on 6 to 8 and what confines it gets none of
 * them: a pipe ends with the command then, and not a little later with the last process around it.
 */
export const descriptors = { script: 3, status: 4, filter: 5 } as const;

const takeStandard = "exec <&6 >&7 2>&8 6<&- 7>&- 8>&-";

/** What the daemon was itself started with is not for its commands. */
export const closeOthers = `for fd in /dev/fd/*; do
  case \${fd##*/} in [012]) ;; *) eval "exec \${fd##*/}<&-" ;; esac
done`;

/**
 * The spawner: a small bash that starts programs for the daemon, because forking the daemon itself blocks it for a time
 * that grows with its memory. It reads `argv 'FILTER' 'WORD' ...` (what to start), `pipes ID ...` (answered with `made` or
 * `failed`), `run ID` (start it) and `kill SIGNAL PID`, and ends with its input. A program's standard descriptors are FIFOs
 * named after ID, so it has real pipes, and the daemon opens the other ends; mkfifo is a process of its own and so makes
 * many at once. FILTER and the script that the daemon has written are opened on descriptors too. $1: the directory of
 * all these; $2: mkfifo, by absolute path.
 *
 * Job control (-m) gives each program a process group of its own, and does not make it ignore SIGINT.
 */
const spawnerScript = `
set -m
${closeOthers}
directory=$1 mkfifo=$2
while read -r verb a b; do
  case $verb in
    argv) eval "set -- $a $b"; filter=$1; shift ;;
    pipes)
      names=()
      for id in $a $b; do
        at=$directory/$id
        names+=("$at.in" "$at.out" "$at.err" "$at.status")
      done
      if "$mkfifo" -m 600 "\${names[@]}"; then echo made; else echo failed; fi ;;
    run)
      at=$directory/$a
      "$@" 3<"$at.script" 4>"$at.status" 5<"$filter" 6<"$at.in" 7>"$at.out" 8>"$at.err" \\
        </dev/null >/dev/null 2>&4 & ;;
    kill) kill "-$a" -- "$b" ;;
  esac
  jobs >/dev/null
done
`;

/**
 * The spawner outside of all holders. Its input ends with the daemon, however that ended, and then so does all it
 * started: also what still waits for the daemon to open the other ends of its FIFOs, which nothing else would wake.
 */
export const hostSpawnerScript = `${spawnerScript}
for job in $(jobs -p); do kill -KILL -- "-$job"; done 2>/dev/null
`;

/**
 * The spawner inside of a holder. As root its /proc cannot come from bwrap, which then covers parts of it, and nothing
 * below could mount another one.
 */
export function holderScript(root: boolean): string {
  const prelude = root ? "mount -t proc proc /proc || exit 1\n" : "";
  return `${prelude}${takeStandard}\n${spawnerScript}`;
}

/** Reads the next part of the script and runs it. */
const runPart = `read -r -d "" -u 3; eval "$REPLY"`;
/** What precedes the command, then the command. */
const runCommand = `${runPart}; read -r -d "" -u 3; exec 3<&-; eval "$REPLY"`;

/**
 * What a slot runs: sets its variables, says that it is up, then waits on its input for a first line, which means that
 * the rest of its script is written. A file and not one more FIFO: bash reads a FIFO byte by byte. TMOUT, which may be
 * one of the variables, would end the wait.
 */
export const slotScript = `${takeStandard} ${descriptors.filter}<&-; ${runPart}; printf .; TMOUT= read -r && { ${runCommand}; }`;

/** As slotScript, for a terminal. */
export const terminalScript = `exec ${descriptors.filter}<&-; ${runPart}; ${runCommand}`;

/**
 * Stands in for bwrap's reports where there is no bwrap: says its process id, runs its arguments, says how they ended
 * and ends what is left of the process group.
 */
export const reportingScript = `
printf '{ "child-pid": %s }\\n' $$ >&4
trap : TERM INT HUP
"$@" 4>&- 5<&-
printf '{ "exit-code": %s }\\n' $? >&4
kill -KILL 0
`;

/** `text` as one word of shell, on one line. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''").replaceAll("\n", () => "'$'\\n''")}'`;
}

/** What goes before the complaint of a script that ends because of a seal. */
export const brokenSeal = "!";

/**
 * The first part of a script: sees that the sandbox is as it was planned, and ends if not; then the variables of all
 * commands of a policy.
 *
 * @throws Fault INVALID_ARGUMENT for a variable that is no shell identifier, and for a NUL anywhere.
 */
export function environmentScript(env: Readonly<Record<string, string>>, seals: readonly Seal[]): string {
  return part([...checkOf(seals), exportsOf(env)].join("\n"));
}

/** Shell text, to be run before the owner's variables are set, which may change how bash compares. */
export function checkOf(seals: readonly Seal[]): string[] {
  if (seals.length === 0) return [];
  const checks = seals.map(({ at, texts }) => {
    const holds = texts.map((text) => `$mounts == *${quote(text)}*`).join(" || ");
    const complaint = `${brokenSeal}${at} was replaced or moved while the sandbox was made`;
    return `[[ ${holds} ]] || { printf %s ${quote(complaint)}; exit 126; }`;
  });
  return [`mapfile -t mounts </proc/self/mountinfo; mounts=\${mounts[*]}`, ...checks, "unset mounts"];
}

/**
 * The rest of a script, which turns a slot into the command: further variables and working directory, then the command.
 *
 * @throws Fault as of environmentScript.
 */
export function commandScript({ cmd, cwd, env }: StartRequest): string {
  const enter = cwd === "" || cwd === "." ? [] : [`cd -- ${quote(`./${cwd}`)} || exit 126`];
  return part([exportsOf(env), ...enter].join("\n")) + part(cmd);
}

function exportsOf(env: Readonly<Record<string, string>>): string {
  return Object.entries(env)
    .map(([name, value]) => {
      if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `export ${name}=${quote(value)}`;
      throw new Fault(
        "INVALID_ARGUMENT",
        `${JSON.stringify(name)} is not a name for an environment variable`,
      );
    })
    .join("\n");
}

/** NUL ends a part. */
function part(text: string): string {
  if (!text.includes("\0")) return `${text}\0`;
  throw new Fault(
    "INVALID_ARGUMENT",
    "a command, its directory and its environment cannot hold a NUL character",
  );
}
