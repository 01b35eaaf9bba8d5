import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPolicy, type Policy } from "./policy.js";
import type { CheckContext, Permission } from "./types.js";

export type Answer = Permission | "runs";

export interface PolicyPlace {
  readonly policy: Policy;
  /** A call in the workspace under mode safe, but for `parts`. */
  context(parts?: Partial<CheckContext>): CheckContext;
  /** The permission that the first finding names. */
  answer(command: string, parts?: Partial<CheckContext>): Promise<Answer>;
  close(): void;
}

/** A workspace with links that lead in and out, and programs that run as somebody else. */
export function makePolicyPlace(): PolicyPlace {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "policy-")));
  const root = join(dir, "work");
  for (const folder of ["work/pkg/deep", "work/src", "home/.ssh", "bin", "elsewhere"]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  writeFileSync(join(root, "README.md"), "");
  symlinkSync(join(dir, "elsewhere"), join(root, "leads-out"));
  symlinkSync("pkg", join(root, "leads-in"));
  symlinkSync("pkg/nothing-yet", join(root, "broken"));
  symlinkSync("/etc/nothing-yet", join(root, "broken-out"));
  symlinkSync("/usr/bin/env", join(root, "system-link"));
  writeFileSync(join(dir, "bin/as-owner"), "");
  chmodSync(join(dir, "bin/as-owner"), 0o4755);
  writeFileSync(join(root, "as-group"), "");
  chmodSync(join(root, "as-group"), 0o2755);
  const policy = createPolicy();
  const context = (parts: Partial<CheckContext> = {}): CheckContext => ({
    mode: "safe",
    root,
    cwd: "",
    home: join(dir, "home"),
    allowedPaths: ["/tmp/own", join(dir, "home")],
    searchPath: `${join(dir, "bin")}:/usr/bin:/bin`,
    env: {},
    stdin: false,
    allowNetwork: false,
    ...parts,
  });
  return {
    policy,
    context,
    async answer(command, parts) {
      const [first] = await policy.refusals(command, context(parts));
      return first?.permission ?? "runs";
    },
    close: () => rmSync(dir, { recursive: true }),
  };
}
