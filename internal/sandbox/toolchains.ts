import { dirname, join } from "node:path";
import type { Mount } from "./argv.js";
import { isWithin } from "./host.js";

interface Toolchain {
  /** Below the home directory; a PATH entry in one of them makes all of them visible. */
  readonly directories: readonly string[];
  /** Below the home directory: hidden nevertheless. */
  readonly credentials?: readonly string[];
}

const known: readonly Toolchain[] = [
  { directories: [".nvm"], credentials: [".nvm/.npmrc"] },
  { directories: [".local/share/fnm", ".fnm"] },
  { directories: [".volta"] },
  { directories: [".local/share/mise", ".config/mise"], credentials: [".config/mise/age.txt"] },
  { directories: [".asdf"] },
  { directories: [".pyenv"] },
  { directories: [".rbenv"] },
  {
    directories: [".cargo", ".rustup"],
    credentials: [".cargo/credentials", ".cargo/credentials.toml"],
  },
  { directories: ["go", "sdk"] },
  { directories: [".bun"] },
  { directories: [".deno"] },
  { directories: [".sdkman"] },
  { directories: [".local/bin", ".local/share/pipx", ".local/pipx", ".local/share/uv"] },
  { directories: [".npm-global"], credentials: [".npm-global/etc/npmrc"] },
];

export interface Toolchains {
  readonly mounts: readonly Mount[];
  /** Absolute paths inside of what is mounted; they may not exist. */
  readonly credentials: readonly string[];
}

/**
 * The directories of PATH, and of the toolchains they belong to, that would be hidden with the home directory or with
 * what every sandbox empties. A known version manager is shown whole, since its shims lead all over it; anything
 * else only as the directory that PATH names. `real` resolves a path, or tells that nothing of it is to be shown.
 */
export function findToolchains(
  path: string,
  home: string,
  real: (path: string) => string | undefined,
): Toolchains {
  const shown = new Map<string, string>();
  const credentials: string[] = [];
  const show = (at: string): void => {
    const from = real(at);
    if (from !== undefined) shown.set(at, from);
  };
  for (const entry of path.split(":")) {
    if (!entry.startsWith("/")) continue;
    const target = real(entry);
    if (target === undefined) continue;
    if (isVolatile(entry) && !isWithin(entry, home)) shown.set(entry, target);
    for (const place of new Set([entry, target])) {
      if (!isWithin(place, home) || place === home) continue;
      const manager = known.find(({ directories }) =>
        directories.some((directory) => isWithin(place, join(home, directory))),
      );
      for (const directory of manager?.directories ?? []) show(join(home, directory));
      for (const name of manager?.credentials ?? []) credentials.push(join(home, name));
      if (manager === undefined) show(place);
      // An npm that is installed below the home directory keeps its settings, and their tokens, next to its programs.
      credentials.push(join(dirname(target), "etc/npmrc"));
    }
  }
  return {
    mounts: [...shown].map(([at, from]) => ({ kind: "read", at, from })),
    credentials,
  };
}

function isVolatile(path: string): boolean {
  return ["/run", "/tmp", "/var/tmp"].some((directory) => isWithin(path, directory));
}
