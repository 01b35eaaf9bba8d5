import { recipes } from "./connect/recipes.js";
import type { Context } from "./context.js";
import type { OptionName } from "./options.js";

export interface Verb {
  /** One word, or two for the commands of a group. */
  readonly name: string;
  readonly summary: string;
  /** The words after the name; an optional one stands in brackets in help. */
  readonly args?: readonly Argument[];
  readonly options?: readonly OptionName[];
  /** Loaded only when it is used, so that every command starts fast. */
  readonly load: () => Promise<{ run(context: Context): Promise<number> | number }>;
}

export interface Argument {
  readonly name: string;
  readonly optional?: boolean;
  readonly choices?: readonly string[];
}

/** Every command, in the order help shows them: one before those below it. `run` returns the exit code. */
export const verbs: readonly Verb[] = [
  {
    name: "init",
    summary: "write a commented config file; asks on a terminal, or takes flags",
    options: ["workspace", "hostname", "listen", "profile", "auth", "force", "print", "json"],
    load: () => import("./init.js"),
  },
  {
    name: "install",
    summary: "keep the daemon running: a systemd or launchd service; also after an upgrade",
    options: [
      "system",
      "user",
      "read-only",
      "no-read-only",
      "hold-port",
      "no-hold-port",
      "linger",
      "no-start",
      "json",
    ],
    load: () => import("./install.js"),
  },
  {
    name: "uninstall",
    summary: "stop the service and remove it; the config stays",
    options: ["system", "purge", "json"],
    load: () => import("./uninstall.js"),
  },
  {
    name: "connect",
    summary: "what to enter in each client; then waits, and says what it does",
    args: [{ name: "CLIENT", optional: true, choices: recipes.map(({ id }) => id) }],
    options: ["timeout", "no-wait", "json"],
    load: () => import("./connect.js"),
  },
  {
    name: "status",
    summary: "how the daemon is",
    options: ["watch", "verbose", "json", "check"],
    load: () => import("./status.js"),
  },
  {
    name: "wait",
    summary: "wait until the daemon is ready, or its tunnel verified",
    options: ["for", "timeout", "json"],
    load: () => import("./wait.js"),
  },
  {
    name: "doctor",
    summary: "what keeps clients from connecting, tried step by step by the URL they use",
    options: ["json"],
    load: () => import("./doctor.js"),
  },
  {
    name: "verify",
    summary: "try what a new client does first: server card, initialize, tools/list, ping",
    options: ["json"],
    load: () => import("./verify.js"),
  },
  {
    name: "reload",
    summary: "put the config file in force; the old one stays if it is wrong",
    options: ["dry-run", "if-generation", "json"],
    load: () => import("./reload.js"),
  },
  {
    name: "config check",
    summary: "find every mistake in a config file; needs no daemon",
    args: [{ name: "FILE", optional: true }],
    options: ["json"],
    load: () => import("./config-check.js"),
  },
  {
    name: "config show",
    summary: "the config with every default filled in and secrets hidden",
    options: ["sources", "running", "json"],
    load: () => import("./config-show.js"),
  },
  {
    name: "config path",
    summary: "where the config file is",
    options: ["json"],
    load: () => import("./config-path.js"),
  },
  {
    name: "workspaces",
    summary: "the folders being served",
    options: ["json"],
    load: () => import("./workspaces.js"),
  },
  {
    name: "clients",
    summary: "who connected, and what they last did",
    options: ["attempts", "json"],
    load: () => import("./clients.js"),
  },
  {
    name: "clients show",
    summary: "all about one client that signed in; the beginning of its ID will do",
    args: [{ name: "ID" }],
    options: ["json"],
    load: () => import("./clients-show.js"),
  },
  {
    name: "clients revoke",
    summary: "sign a client out, at once",
    args: [{ name: "ID" }],
    options: ["json"],
    load: () => import("./clients-revoke.js"),
  },
  {
    name: "clients set-profile",
    summary: "what a client may do: read-only or full",
    args: [{ name: "ID" }, { name: "PROFILE", choices: ["read-only", "full"] }],
    options: ["json"],
    load: () => import("./clients-set-profile.js"),
  },
  {
    name: "clients set-workspaces",
    summary: "the workspaces a client reaches: ids as in app,docs, or all",
    args: [{ name: "ID" }, { name: "WORKSPACES" }],
    options: ["json"],
    load: () => import("./clients-set-workspaces.js"),
  },
  {
    name: "approvals",
    summary: "what clients ask permission for, and what was answered",
    options: ["json"],
    load: () => import("./approvals.js"),
  },
  {
    name: "approve",
    summary: "let a client make the call it asked for",
    args: [{ name: "ID" }],
    options: ["for", "json"],
    load: () => import("./approve.js"),
  },
  {
    name: "deny",
    summary: "refuse what a client asked for, or take an approval back",
    args: [{ name: "ID" }],
    options: ["json"],
    load: () => import("./deny.js"),
  },
  {
    name: "undo",
    summary: "take back the last change a client made to files, or the one named",
    args: [{ name: "ID", optional: true }],
    options: ["list", "json"],
    load: () => import("./undo.js"),
  },
  {
    name: "rotate-secret",
    summary: "make a new secret, also the first password, and print it once",
    args: [{ name: "KIND", optional: true, choices: ["password", "bearer", "signing-key", "all"] }],
    options: ["revoke", "json"],
    load: () => import("./rotate-secret.js"),
  },
  {
    name: "auth unlock",
    summary: "end the waiting time after wrong passwords",
    options: ["json"],
    load: () => import("./auth-unlock.js"),
  },
  {
    name: "tunnel status",
    summary: "how the tunnel is",
    options: ["json"],
    load: () => import("./tunnel-status.js"),
  },
  {
    name: "tunnel restart",
    summary: "start the tunnel again, also one that is blocked",
    options: ["json"],
    load: () => import("./tunnel-restart.js"),
  },
  {
    name: "tunnel test",
    summary: "ask for a request through the public URL, now",
    options: ["json"],
    load: () => import("./tunnel-test.js"),
  },
  {
    name: "tunnel setup",
    summary: "make a tunnel once, and write it into the config",
    args: [{ name: "PROVIDER", choices: ["cloudflared", "ngrok", "devtunnel", "ssh"] }],
    options: [
      "hostname",
      "yes",
      "name",
      "token-file",
      "destination",
      "ssh-port",
      "remote-port",
      "identity-file",
      "known-hosts-file",
      "fingerprint",
      "timeout",
      "json",
    ],
    load: () => import("./tunnel-setup.js"),
  },
  {
    name: "logs",
    summary: "the daemon's last log lines",
    options: ["follow", "lines", "level", "since", "json"],
    load: () => import("./logs.js"),
  },
  {
    name: "audit",
    summary: "what clients did: calls, commands, changed files, sign-ins",
    options: ["follow", "client", "tool", "since", "lines", "state-dir", "json"],
    load: () => import("./audit.js"),
  },
  {
    name: "audit verify",
    summary: "whether every record is there as it was written",
    options: ["state-dir", "json"],
    load: () => import("./audit-verify.js"),
  },
  {
    name: "metrics",
    summary: "the daemon's numbers, in the text format of Prometheus",
    load: () => import("./metrics.js"),
  },
  {
    name: "bugreport",
    summary: "write what helps to find a fault, without secrets, into a file to send",
    options: ["output", "print", "yes", "json"],
    load: () => import("./bugreport.js"),
  },
  {
    name: "version",
    summary: "the versions of ctmcpctl and of the daemon",
    options: ["json"],
    load: () => import("./version.js"),
  },
  {
    name: "completion",
    summary: "a completion script for your shell",
    args: [{ name: "SHELL", choices: ["bash", "zsh", "fish"] }],
    load: () => import("./completion.js"),
  },
  {
    name: "help",
    summary: "this text, or what one command does",
    args: [{ name: "COMMAND", optional: true }],
    load: () => import("./help.js"),
  },
];
