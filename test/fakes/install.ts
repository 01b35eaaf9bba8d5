import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type FakeName = "ngrok" | "cloudflared" | "devtunnel" | "tunnel-client";

/** Puts a fake into `folder` under the name of the real program; see `runAgent` for scenarios. */
export function installFake(folder: string, name: FakeName, scenario = "ready"): string {
  const script = fileURLToPath(new URL(`${name}.js`, import.meta.url));
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\nFAKE_SCENARIO='${scenario}' exec '${process.execPath}' '${script}' "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}
