/** What commands take over from the daemon's own environment. */
export interface EnvironmentRules {
  /** `core`: locale, terminal and PATH; `all`: everything; `none`: nothing. */
  readonly inherit: "core" | "all" | "none";
  /** Globs (`*`, `?`, any case): when there are some, only variables that match one are taken over. */
  readonly includeOnly: readonly string[];
  /** Globs of variables that are not. */
  readonly exclude: readonly string[];
  /** Further variables, taken as they are: the owner wrote them. */
  readonly set: Readonly<Record<string, string>>;
  /** True for a variable that looks like a secret or steers a loader. */
  readonly isSensitive: (name: string, value: string) => boolean;
}

const core = /^(?:PATH|LANG|LC_\w+|TERM|GIT_CONFIG_GLOBAL)$/;

/** Talks to whoever started the daemon, or configures the daemon: never a command's business (sd_notify(3), sd_listen_fds(3)). */
const ours =
  /^(?:NOTIFY_SOCKET|LISTEN_\w+|WATCHDOG_\w+|JOURNAL_STREAM|INVOCATION_ID|MAINPID|FDSTORE|CREDENTIALS_DIRECTORY|(?:STATE|RUNTIME|CACHE|LOGS|CONFIGURATION)_DIRECTORY|SYSTEMD_EXEC_PID|NODE_CHANNEL_FD|CTMCP_\w*|CODING_TOOLS_MCP_\w*)$/;

/** The variables that every command of a workspace gets; HOME, TMPDIR and the like are the sandbox's. */
export function commandEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  { inherit, includeOnly, exclude, set, isSensitive }: EnvironmentRules,
): Record<string, string> {
  const included = includeOnly.map(globPattern);
  const excluded = exclude.map(globPattern);
  const taken = (name: string, value: string): boolean =>
    inherit !== "none" &&
    (inherit === "all" || core.test(name)) &&
    (included.length === 0 || included.some((glob) => glob.test(name))) &&
    !excluded.some((glob) => glob.test(name)) &&
    !isSensitive(name, value);
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && taken(name, value)) env[name] = value;
  }
  return withoutService({ ...env, ...set });
}

/** `env` without the variables of the service manager and our own. */
export function withoutService(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !ours.test(name)) kept[name] = value;
  }
  return kept;
}

function globPattern(glob: string): RegExp {
  const escaped = glob.replace(/[\\^$.+()[\]{}|]/g, "\\$&");
  // Stars in a row mean what one does; left alone they would make matching slow.
  return new RegExp(`^${escaped.replace(/\*+/g, ".*").replaceAll("?", ".")}$`, "i");
}
