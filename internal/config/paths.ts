import { isAbsolute, join, resolve } from "node:path";

/** The surroundings a path depends on. */
export interface PathContext {
  readonly env: NodeJS.ProcessEnv;
  /** Absolute home directory of the user. */
  readonly home: string;
  /** Default: the platform this runs on. */
  readonly platform?: NodeJS.Platform;
}

const folder = "coding-tools-mcp";

/** Absolute path of the config file: `flag` (from `--config`), else $CTMCP_CONFIG, else the user's config directory. */
export function configPath({
  flag,
  env,
  home,
}: PathContext & { readonly flag?: string | undefined }): string {
  const named = flag ?? env.CTMCP_CONFIG;
  if (named) return resolve(named);
  return join(xdg(env, "XDG_CONFIG_HOME") ?? join(home, ".config"), `${folder}.yaml`);
}

/** Where state is kept unless the config says otherwise: systemd's $STATE_DIRECTORY, else the XDG state directory. */
export function defaultStateDir({ env, home }: PathContext): string {
  return (
    serviceDirectory(env.STATE_DIRECTORY) ??
    join(xdg(env, "XDG_STATE_HOME") ?? join(home, ".local", "state"), folder)
  );
}

/**
 * Where the admin socket lies unless the config says otherwise: systemd's $RUNTIME_DIRECTORY, else
 * $XDG_RUNTIME_DIR/coding-tools-mcp, on macOS (not run there) the user's Application Support, else `stateDir`.
 */
export function defaultRuntimeDir(context: PathContext, stateDir: string): string {
  const { env, home, platform = process.platform } = context;
  const service = serviceDirectory(env.RUNTIME_DIRECTORY);
  if (service !== undefined) return service;
  const runtime = xdg(env, "XDG_RUNTIME_DIR");
  if (runtime !== undefined) return join(runtime, folder);
  return platform === "darwin" ? join(home, "Library", "Application Support", folder) : stateDir;
}

/** Path of the admin socket in `runtimeDir`. */
export function socketPath(runtimeDir: string): string {
  return join(runtimeDir, "admin.sock");
}

/** `path` made absolute: `~` is `home`, a relative path starts at `base`. */
export function expandPath(
  path: string,
  { home, base }: { readonly home: string; readonly base: string },
): string {
  return path === "~" || path.startsWith("~/") ? join(home, path.slice(1)) : resolve(base, path);
}

/** The XDG base directory specification has relative values ignored. */
function xdg(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name];
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

/** systemd lists several directories with colons; the first one is ours. */
function serviceDirectory(value: string | undefined): string | undefined {
  return value?.split(":")[0] || undefined;
}
