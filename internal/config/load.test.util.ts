import { mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fault } from "../errs/errs.js";
import { type LoadedConfig, loadConfig } from "./load.js";

export interface LoadPlace {
  /** Around the home directory. */
  readonly folder: string;
  readonly home: string;
  /** Of the configuration file. */
  readonly path: string;
  readonly uid: number;
  readonly env: Readonly<Record<"TOKEN" | "SHORT" | "ODD" | "SRC" | "EMPTY", string>>;
  /** Loads a file with this content. */
  load(text: string | Uint8Array): LoadedConfig;
  close(): void;
}

/** A home with folders to serve, links, and secrets that are kept well and badly. */
export function makeLoadPlace(): LoadPlace {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-load-")));
  const home = join(folder, "home");
  const path = join(home, "app.yaml");
  const uid = statSync(folder).uid;
  const env = { TOKEN: "canary-0123456789-canary", SHORT: "canary", ODD: "cana ry", SRC: "src", EMPTY: "" };
  for (const name of ["src/app", "src/docs", "src/Bad Näme", "src/___"])
    mkdirSync(join(home, name), { recursive: true });
  symlinkSync(join(home, "src/app"), join(home, "link"));
  symlinkSync(home, join(home, "src/to-home"));
  writeFileSync(join(home, "file"), "not a folder");
  writeFileSync(join(home, "token"), "canary-0123456789-canary\n", { mode: 0o600 });
  writeFileSync(join(home, "open-token"), "canary-0123456789-canary\n", { mode: 0o644 });
  return {
    folder,
    home,
    path,
    uid,
    env,
    load(text) {
      writeFileSync(path, text);
      return loadConfig({ path, env, home, uid });
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

export function faultOf(run: () => unknown): Fault | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return error;
  }
}
