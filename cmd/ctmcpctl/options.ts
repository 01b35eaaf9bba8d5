/** One flag. The table below is the only place that knows them: parsing, help and completion come from it. */
export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** How help names the value. */
  readonly value?: string;
  readonly help: string;
  /** The values it takes, when they are few. */
  readonly choices?: readonly string[];
}

export const options = {
  config: {
    type: "string",
    value: "PATH",
    help: "config file (default: $CTMCP_CONFIG or ~/.config/coding-tools-mcp.yaml)",
  },
  socket: { type: "string", value: "PATH", help: "admin socket (default: the one the config file names)" },
  help: { type: "boolean", short: "h", help: "what this command does" },
  json: { type: "boolean", help: "one JSON document on stdout" },
  check: { type: "boolean", help: "one line; exit 4 when something is wrong" },
  verbose: { type: "boolean", short: "v", help: "also what matters only when something is wrong" },
  watch: { type: "boolean", help: "keep showing it; q ends" },
  for: {
    type: "string",
    value: "WHAT",
    help: "wait: ready or tunnel; approve: once, or for how long: 10m (default: ready, once)",
  },
  timeout: {
    type: "string",
    value: "TIME",
    help: "how long to wait: 500ms, 60s, 2m (default: 60s; connect: 10m)",
  },
  "dry-run": { type: "boolean", help: "say what would change, and change nothing" },
  "if-generation": { type: "string", value: "N", help: "refuse when another generation is in force" },
  sources: { type: "boolean", help: "say where each value comes from" },
  running: { type: "boolean", help: "what the daemon has in force, not what the file says" },
  workspace: {
    type: "string",
    multiple: true,
    value: "[ID=]PATH",
    help: "a folder to serve; may be repeated",
  },
  hostname: { type: "string", value: "NAME", help: "public host name (default: none, this machine only)" },
  listen: { type: "string", value: "HOST:PORT", help: "where to listen (default: 127.0.0.1:8765)" },
  profile: {
    type: "string",
    value: "PROFILE",
    help: "what clients may do (default: read-only)",
    choices: ["read-only", "full"],
  },
  auth: {
    type: "string",
    value: "MODE",
    help: "how clients sign in (default: bearer)",
    choices: ["oauth", "bearer", "oauth+bearer", "none"],
  },
  force: { type: "boolean", help: "replace a file that is there" },
  print: { type: "boolean", help: "print it, write nothing" },
  revoke: { type: "boolean", help: "also sign every client out, and end the old signing key at once" },
  list: { type: "boolean", help: "show what can be taken back, the newest first; take nothing back" },
  attempts: { type: "boolean", help: "how far clients came on their way in, and what stopped them" },
  yes: { type: "boolean", short: "y", help: "do it without asking" },
  name: { type: "string", value: "NAME", help: "name of the tunnel to make or to use" },
  "token-file": { type: "string", value: "PATH", help: "file with the provider's token, for your eyes only" },
  destination: {
    type: "string",
    value: "USER@HOST",
    help: "your server, or a host of your ssh configuration",
  },
  "ssh-port": {
    type: "string",
    value: "N",
    help: "port of your server (default: that of your ssh configuration)",
  },
  "remote-port": { type: "string", value: "N", help: "port on which your server listens for the daemon" },
  "identity-file": { type: "string", value: "PATH", help: "private key (default: ~/.ssh/coding-tools-mcp)" },
  "known-hosts-file": {
    type: "string",
    value: "PATH",
    help: "file for your server's key (default: ~/.ssh/coding-tools-mcp.known_hosts)",
  },
  fingerprint: {
    type: "string",
    value: "SHA256:...",
    help: "the server key to accept, as your server shows it",
  },
  "no-wait": { type: "boolean", help: "only say how, and do not wait for a client" },
  system: { type: "boolean", help: "a service of the whole machine, as root; with --user" },
  user: { type: "string", value: "NAME", help: "who a --system service runs as; the next time it is known" },
  "read-only": {
    type: "boolean",
    help: "stricter settings, for workspaces that are all read-only; stays until --no-read-only",
  },
  "no-read-only": { type: "boolean", help: "end --read-only" },
  "hold-port": {
    type: "boolean",
    help: "let systemd hold the port, so that connections wait through a restart; stays until --no-hold-port",
  },
  "no-hold-port": { type: "boolean", help: "end --hold-port" },
  linger: { type: "boolean", help: "keep the service running when you are logged out" },
  "no-start": { type: "boolean", help: "start it at the next login or boot only" },
  purge: { type: "boolean", help: "also remove keys, sign-ins, journals and everything else that was kept" },
  output: { type: "string", value: "FILE", help: "the file to write" },
  follow: { type: "boolean", short: "f", help: "keep printing new lines" },
  lines: { type: "string", short: "n", value: "N", help: "how many of the latest to show" },
  level: {
    type: "string",
    value: "LEVEL",
    help: "only this severe or worse",
    choices: ["debug", "info", "notice", "warning", "error"],
  },
  since: { type: "string", value: "TIME", help: "only later ones: 30m, 2h, 7d or 2026-11-01" },
  client: { type: "string", value: "TEXT", help: "only of clients whose name or id holds this" },
  tool: { type: "string", value: "NAME", help: "only calls of this tool" },
  "state-dir": {
    type: "string",
    value: "DIR",
    help: "what lies in this state directory, as of coding-tools-mcp (default: the daemon's)",
  },
} as const satisfies Record<string, Option>;

export type OptionName = keyof typeof options;

type ValueOf<O extends Option> = O extends { readonly type: "boolean" }
  ? boolean
  : O extends { readonly multiple: true }
    ? string[]
    : string;

/** The flags of one command line, as they were given. */
export type Flags = { readonly [Name in OptionName]?: ValueOf<(typeof options)[Name]> };

/** The flags every command takes. */
export const commonOptions: readonly OptionName[] = ["config", "socket", "help"];
