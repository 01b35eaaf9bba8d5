import { existsSync } from "node:fs";
import { type AdminClient, createAdminClient } from "../../internal/admin/client.js";
import { locateSocket } from "../../internal/config/locate.js";
import { configPath } from "../../internal/config/paths.js";
import { printableJson } from "../../internal/log/json.js";
import type { ServiceScope } from "../../internal/service/description.js";
import { version } from "../../internal/version/version.js";
import { type ServiceOwner, scopeOfService, serviceFile, withService } from "./installed-service.js";
import type { Flags } from "./options.js";
import { printable } from "./output.js";

/** What surrounds one command: the process's edges, handed in. */
export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly cwd: string;
  readonly uid: number;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** What a command is given. */
export interface Context extends Surroundings {
  /** For loadConfig: this is not the daemon. */
  readonly isInspection: true;
  /** Whose service it is about: the user's own, or that of the whole machine. */
  readonly scope: ServiceScope["kind"];
  readonly flags: Flags;
  readonly args: readonly string[];
  /** Absolute path of the config file; it need not exist. */
  readonly configPath: string;
  /** A client for the admin socket. Says once on stderr when the daemon is of another version. */
  readonly client: AdminClient;
  /** Prints one line of the answer. */
  print(line: string): void;
  /** Prints a remark that is not part of the answer. */
  remark(line: string): void;
  /** With `--json` prints `value` with `schema: 1`, else what `text` makes of it. */
  answer<T extends object>(value: T, text: (value: T) => string): void;
}

/** The context of one command. The socket is looked for only when the command uses the client. */
export function createContext(around: Surroundings, flags: Flags, args: readonly string[]): Context {
  const { home, stdout, stderr } = around;
  const scope = scopeOfService(flags.system === true);
  const env = withService(around.env, scope);
  const path = configPath({ flag: flags.config, env, home });
  const remark = (line: string): void => void stderr.write(`${line}\n`);
  const print = (line: string): void => void stdout.write(`${line}\n`);
  return {
    ...around,
    env,
    isInspection: true,
    scope,
    flags,
    args,
    configPath: path,
    client: createAdminClient({
      socketPath: flags.socket ?? (() => locateSocket({ path, env, home })),
      startHint: startHint(path, flags, { env, home, scope }),
      onVersion: skewNote(remark),
    }),
    print,
    remark,
    answer: (value, text) => print(flags.json ? printableJson({ schema: 1, ...value }, 2) : text(value)),
  };
}

/** Says once when the daemon is of another version than this program. */
function skewNote(remark: (line: string) => void): (running: string) => void {
  let told = false;
  return (running) => {
    if (running === version || told) return;
    told = true;
    remark(`note: the daemon is version ${printable(running)}, this is ${version}; restart the daemon`);
  };
}

/** The command that gets a person from no daemon to a running one. */
function startHint(path: string, flags: Flags, around: ServiceOwner): string {
  const flag = flags.config === undefined ? "" : ` --config ${path}`;
  const { file, start } = serviceFile(around);
  if (flag === "" && existsSync(file)) return `start it: ${start.join(" ")}; why it ended: ctmcpctl logs`;
  return existsSync(path) ? `start it: ctmcpd${flag}` : `make a config first: ctmcpctl init${flag}`;
}
