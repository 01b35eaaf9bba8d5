import { daemonCommand, type ServiceDescription, serviceName, type WrittenService } from "./description.js";

/** The unit file of the daemon (systemd.service(5)). */
export function renderUnit(description: ServiceDescription): string {
  const { environment, scope } = description;
  const isSystem = scope.kind === "system";
  return `# Written by ctmcpctl install, which replaces it. Changes of yours belong into a drop-in: systemctl ${isSystem ? "" : "--user "}edit ${serviceName}
[Unit]
Description=Coding tools for MCP clients
${isSystem ? "After=network-online.target\nWants=network-online.target\n" : ""}StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
# systemd-notify speaks for the daemon, which cannot use datagram sockets itself.
NotifyAccess=all
ExecStart=${commandLine(daemonCommand(description))}
ExecReload=/bin/kill -HUP $MAINPID
${Object.entries(environment)
  .map(([name, value]) => `Environment=${quote(`${name}=${value}`)}\n`)
  .join("")}${isSystem ? systemLines(scope.user) : ""}WatchdogSec=30
Restart=on-failure
RestartSec=2
# A configuration that is wrong, or that others may change, does not get better by another start.
RestartPreventExitStatus=77 78
# The daemon ends its commands and its tunnel in order; what is left is killed with it.
KillMode=mixed
TimeoutStopSec=20
OOMPolicy=continue
# More than this takes away what commands, git and their sandbox need: namespaces, writable memory for V8, the home.
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native

[Install]
WantedBy=${isSystem ? "multi-user.target" : "default.target"}
`;
}

/** What a unit that `renderUnit` made says. */
export function readUnit(text: string): WrittenService {
  const [, line = ""] = /^ExecStart=([^\n]*)/m.exec(text) ?? [];
  const [, user] = /^User=(.*)$/m.exec(text) ?? [];
  return { command: wordsOf(line), user };
}

/** A unit that holds the port, so that connections wait through a restart instead of being refused. */
export function renderSocket({ host, port }: { readonly host: string; readonly port: number }): string {
  return `# Written by ctmcpctl install --hold-port. The address is that of listen in the configuration.
[Unit]
Description=Port of the coding tools for MCP clients

[Socket]
ListenStream=${socketAddress(host)}:${port}
NoDelay=yes

[Install]
WantedBy=sockets.target
`;
}

/**
 * A drop-in for daemons that only read. A user's own manager cannot make mounts without user namespaces, which take git
 * its identity, so that the file system is closed in a system service only.
 */
export function renderReadOnly(
  { scope }: Pick<ServiceDescription, "scope">,
  { stateDir }: { readonly stateDir: string },
): string {
  const system = `ProtectSystem=strict
ReadWritePaths=-${quote(stateDir)}
# Not ProtectKernelTunables and ProtectKernelLogs: they mount over parts of /proc, and where none is left whole the kernel
# allows a sandbox no /proc of its own. git runs in one.
ProtectKernelModules=yes
ProtectControlGroups=yes
ProtectClock=yes
`;
  return `# For workspaces that are all read-only. Written by ctmcpctl install --read-only.
[Service]
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
${scope.kind === "system" ? system : ""}`;
}

/** systemd knows no names here. */
function socketAddress(host: string): string {
  if (host === "localhost") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

function systemLines(user: string): string {
  return `User=${user}
StateDirectory=${serviceName}
StateDirectoryMode=0700
RuntimeDirectory=${serviceName}
RuntimeDirectoryMode=0700
`;
}

/** No specifiers, no variables, which are looked for in arguments only (systemd.service(5), "Command lines"). */
function commandLine([file = "", ...args]: readonly string[]): string {
  return [quote(file), ...args.map((arg) => quote(arg.replaceAll("$", "$$$$")))].join(" ");
}

/** What `commandLine` was made of. */
function wordsOf(line: string): readonly string[] {
  const [file, ...args] = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = ""]) => unquote(word));
  return file === undefined ? [] : [file, ...args.map((arg) => arg.replaceAll("$$", "$"))];
}

/** One word of any other setting (systemd.syntax(7), "Quoting"). */
function quote(text: string): string {
  const escaped = text.replace(/[\\"]/g, "\\$&").replaceAll("%", "%%").replaceAll("\n", "\\n");
  return `"${escaped}"`;
}

/** What `quote` was given, without the quotes. */
function unquote(word: string): string {
  return word.replaceAll("%%", "%").replace(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char));
}
