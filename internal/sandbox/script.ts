import { Fault } from "../errs/errs.js";
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
 * that grows with its memory. It reads `argv 'FILTER' 'WORD' ...` (what to start), `run ID` (start it) and `kill SIGNAL PID`, and
 * ends with its input. A program's standard descriptors are FIFOs named after ID, so it has real pipes, and the daemon
 * opens the other ends. FILTER is opened on a descriptor too. $1: the
 * directory of the FIFOs; $2: mkfifo, by absolute path.
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
    run)
      at=$directory/$a
      if "$mkfifo" -m 600 "$at.in" "$at.out" "$at.err" "$at.status" && : >"$at.script"; then
        "$@" 3<"$at.script" 4>"$at.status" 5<"$filter" 6<"$at.in" 7>"$at.out" 8>"$at.err" \\
          </dev/null >/dev/null 2>&4 &
        echo "made $a"
      else
        echo "failed $a"
      fi ;;
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

/** Reads the two parts of a script, what precedes the command and the command, and runs them. */
const runScript = `read -r -d "" -u 3; eval "$REPLY"; read -r -d "" -u 3; exec 3<&-; eval "$REPLY"`;

/**
 * What a slot runs: says that it is up, then waits on its input for a first line, which means that its script is
 * written. A file and not one more FIFO: bash reads a FIFO byte by byte.
 */
export const slotScript = `${takeStandard} ${descriptors.filter}<&-; printf .; read -r && { ${runScript}; }`;

/** As slotScript, for a terminal. */
export const terminalScript = `exec ${descriptors.filter}<&-; ${runScript}`;

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

/**
 * The script that turns a slot into the command: environment and working directory, NUL, the command, NUL.
 *
 * @throws Fault INVALID_ARGUMENT for a variable that is no shell identifier, and for a NUL anywhere.
 */
export function commandScript(base: Readonly<Record<string, string>>, request: StartRequest): string {
  const { cmd, cwd, env } = request;
  const lines: string[] = [];
  for (const [name, value] of Object.entries({ ...base, ...env })) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new Fault(
        "INVALID_ARGUMENT",
        `${JSON.stringify(name)} is not a name for an environment variable`,
      );
    }
    lines.push(`export ${name}=${quote(value)}`);
  }
  if (cwd !== "" && cwd !== ".") lines.push(`cd -- ${quote(`./${cwd}`)} || exit 126`);
  const prelude = lines.join("\n");
  if (`${prelude}${cmd}`.includes("\0")) {
    throw new Fault(
      "INVALID_ARGUMENT",
      "a command, its directory and its environment cannot hold a NUL character",
    );
  }
  return `${prelude}\0${cmd}\0`;
}
