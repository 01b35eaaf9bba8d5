import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Home } from "../ctl.test.util.js";

/** A config with a comment at every place where one may stand. */
export function writeConfig(home: Home, more = ""): string {
  const text = `# On top.
version: 1 # of the format

# Where it listens.
listen: 127.0.0.1:9000

# What is served.
workspaces:
  - path: ${home.folder} # mine
${more}
# At the end.
`;
  mkdirSync(dirname(home.configPath), { recursive: true });
  writeFileSync(home.configPath, text, { mode: 0o640 });
  return text;
}

/** A program on the PATH of the result that notes its arguments, then does what `script`, for sh, says. */
export function addProgram(home: Home, name: string, script = ""): NodeJS.ProcessEnv {
  const bin = join(home.dir, "bin");
  mkdirSync(bin, { recursive: true });
  const text = `#!/bin/sh\necho "${name} $*" >> "$HOME/calls"\nenv | grep ^TUNNEL_ >> "$HOME/calls"\n${script}\n`;
  writeFileSync(join(bin, name), text, { mode: 0o755 });
  return { PATH: `${bin}:/usr/bin:/bin`, TUNNEL_TOKEN: "inherited" };
}

/** What programs were called with since the last time, one a line. */
export function takeCalls(home: Home): string[] {
  const file = join(home.dir, "calls");
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  writeFileSync(file, "");
  return lines.filter((line) => line !== "");
}

/** How a program that keeps its state in the home directory plays Cloudflare's. */
export const cloudflaredScript = `
shift
if [ "$1 $2" = "--config /dev/null" ]; then shift 2; else exit 9; fi
own="$HOME/.cloudflared"
mkdir -p "$own"
case "$1" in
  login) [ ! -e "$HOME/offline" ] || exit 1; : > "$own/cert.pem" ;;
  list) if [ -e "$HOME/made" ]; then echo '[{"id":"1-2-3","name":"'"$5"'"}]'; else echo null; fi ;;
  create) : > "$HOME/made"; echo '{}' > "$own/1-2-3.json" ;;
  token) echo '{}' > "$3" ;;
  route) if [ -e "$HOME/taken" ]; then echo "record already exists" >&2; exit 1; fi ;;
  *) exit 9 ;;
esac`;
