import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../../internal/version/version.js";

/** The daemon beside this program, as node runs it. */
export function daemonProgram(): string {
  const own = process.argv[1];
  const beside = own === undefined ? "" : join(dirname(realpathSync(own)), "ctmcpd.cjs");
  return own?.endsWith(".cjs") ? beside : fileURLToPath(new URL("dist/bin/ctmcpd.cjs", packageRoot));
}
