import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AdminClient, createAdminClient } from "../../internal/admin/client.js";

/** A home directory of its own with a project folder in it, and a configuration that keeps everything inside. */
export interface Place {
  readonly dir: string;
  /** The project folder, workspace `app`; it holds hello.txt. */
  readonly app: string;
  readonly configPath: string;
  readonly socketPath: string;
  /** The text of a configuration: read-only `app`, a port of the system's choice, bearer; `changes` replace keys. */
  yaml(changes?: Readonly<Record<string, unknown>>): string;
  /** Writes that configuration in place. */
  configure(changes?: Readonly<Record<string, unknown>>): void;
  /** Makes another folder that may be served. */
  folder(name: string): string;
  /** The bearer token a daemon has made. */
  token(): string;
  readonly admin: AdminClient;
  remove(): void;
}

export function makePlace(): Place {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-")));
  const configPath = join(dir, "config.yaml");
  const socketPath = join(dir, "run", "admin.sock");
  const folder = (name: string): string => {
    const path = join(dir, name);
    mkdirSync(path);
    writeFileSync(join(path, "hello.txt"), `hello from ${name}\n`);
    return path;
  };
  const app = folder("app");
  const yaml: Place["yaml"] = (changes) => {
    const base = {
      version: 1,
      listen: "127.0.0.1:0",
      workspaces: [{ id: "app", path: "app" }],
      state_dir: "state",
      runtime_dir: "run",
    };
    const lines = Object.entries({ ...base, ...changes }).map(
      ([key, value]) => `${key}: ${JSON.stringify(value)}\n`,
    );
    return lines.join("");
  };
  const configure: Place["configure"] = (changes) => {
    writeFileSync(configPath, yaml(changes));
    chmodSync(configPath, 0o600);
  };
  configure();
  return {
    dir,
    app,
    configPath,
    socketPath,
    yaml,
    configure,
    folder,
    token: () => readFileSync(join(dir, "state", "bearer-token"), "utf8").trim(),
    admin: createAdminClient({ socketPath }),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
