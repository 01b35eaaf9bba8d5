import { gitOptions } from "./nested.js";
import { allOptions, leadingOptions, type OptionTable } from "./options.js";
import type { Argument } from "./shell.js";

/** Programs whose purpose is another machine. */
const networkNames: ReadonlySet<string> = new Set([
  "aria2c",
  "axel",
  "curl",
  "dig",
  "ftp",
  "host",
  "lftp",
  "lynx",
  "nc",
  "nc.openbsd",
  "nc.traditional",
  "ncat",
  "netcat",
  "nmap",
  "nslookup",
  "ping",
  "ping6",
  "rsh",
  "scp",
  "sftp",
  "socat",
  "ssh",
  "telnet",
  "tftp",
  "traceroute",
  "wget",
  "whois",
  "xh",
]);

/** Programs that may mention an address without ever going there. */
const mentions: ReadonlySet<string> = new Set([
  "awk",
  "cat",
  "echo",
  "egrep",
  "expr",
  "export",
  "fgrep",
  "gawk",
  "grep",
  "head",
  "jq",
  "mawk",
  "printf",
  "rg",
  "sed",
  "tail",
  "test",
  "tr",
  "wc",
  "yq",
]);

const remoteUrl = /^(?:https?|ftps?|sftp|ssh|git|wss?|rsync):\/\/(?:[^/?#@]*@)?(\[[^\]]*\]|[^/:?#\s]*)\S*$/i;
/** `user@host:path`, as git, scp and rsync take it. */
const remotePath = /^[\w.-]+@[\w.-]+:/;
const loopback = /^(localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|\[::1\]|::1)$/i;

/**
 * What reaches for another machine, in words; undefined when nothing does. An address of this machine's loopback does
 * not count: commands of one workspace share it with each other and with nobody else.
 */
export function networkUse(name: string, args: readonly Argument[]): string | undefined {
  if (networkNames.has(name)) return staysLocal(name, args) ? undefined : name;
  if (mentions.has(name) || (name === "git" && !reachesRemote(args))) return undefined;
  const address = args.find(
    (arg, i) => !isMessage(args[i - 1]) && (remotePath.test(arg.value) || isRemoteUrl(arg.value)),
  );
  return address === undefined ? undefined : `${name} ${address.value.split("\0", 1)[0]}`;
}

/** A remote's address in `git log --grep` or `git remote add` goes nowhere. */
function reachesRemote(args: readonly Argument[]): boolean {
  const [sub] = leadingOptions(args, gitOptions).rest;
  return sub !== undefined && /^(clone|fetch|pull|push|ls-remote|submodule|archive)$/.test(sub.value);
}

/** True for a redirection target that a shell opens as a connection. */
export function isSocketPath(path: string): boolean {
  const host = /^\/dev\/(?:tcp|udp)\/([^/]*)/.exec(path)?.[1];
  return host !== undefined && !loopback.test(host);
}

function isRemoteUrl(value: string): boolean {
  const host = remoteUrl.exec(value)?.[1];
  return host !== undefined && !loopback.test(host);
}

/** The option before a word that is prose: `git commit -m`, `gh pr create --body`. */
function isMessage(before: Argument | undefined): boolean {
  return before !== undefined && /^(-\w*m|--(message|title|body|notes|grep|description))$/.test(before.value);
}

/** The options of curl that a local test needs. Any other, `--proxy` or `--resolve` for one, may lead elsewhere. */
const curlOptions: OptionTable = {
  short: "AbdFHmoruwX",
  long: [
    "data",
    "data-raw",
    "data-binary",
    "header",
    "json",
    "max-time",
    "output",
    "request",
    "retry",
    "retry-delay",
    "user",
    "write-out",
    "connect-timeout",
    "form",
    "cookie",
  ],
};
const curlFlags =
  /^(-[sSfiIvkgGN]|--(silent|show-error|fail|include|head|verbose|get|no-buffer|compressed|retry-connrefused|fail-with-body|retry-all-errors))$/;

/** A `curl` or `wget` that names loopback addresses and nothing else. */
function staysLocal(name: string, args: readonly Argument[]): boolean {
  if (name !== "curl" && name !== "wget") return false;
  const { options, operands } = allOptions(args, name === "curl" ? curlOptions : { short: "OoTt" });
  const known = options.every(({ name: option, value }) =>
    name === "curl" ? value !== undefined || curlFlags.test(option) : /^-[qOoTtS]$/.test(option),
  );
  return known && operands.length > 0 && operands.every(({ value }) => isLoopback(value));
}

function isLoopback(value: string): boolean {
  const host = remoteUrl.exec(value)?.[1] ?? /^(\[[^\]]*\]|[^/:?#]*)/.exec(value)?.[1] ?? "";
  return loopback.test(host);
}
