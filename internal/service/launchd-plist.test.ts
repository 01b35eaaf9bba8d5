import { parse } from "plist";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readPlist, renderPlist } from "./launchd-plist.js";

const description = {
  node: "/opt/Node & Co/<bin>/node",
  program: '/Users/me/"quoted"/ctmcpd.cjs',
  configPath: "/Users/me/50% $HOME.yaml",
  environment: { PATH: "/usr/bin:/bin", XDG_STATE_HOME: "/a & b" },
  scope: { kind: "user" },
} as const;

/** Keys of launchd.plist(5) that the daemon uses, and the types they have there. */
const keys: Readonly<Record<string, (value: unknown) => boolean>> = {
  Label: isText,
  ProgramArguments: (value) => Array.isArray(value) && value.every(isText),
  EnvironmentVariables: (value) => Object.values(value as object).every(isText),
  RunAtLoad: isBoolean,
  KeepAlive: (value) =>
    Object.entries(value as object).every(([key, on]) => conditions.has(key) && isBoolean(on)),
  ThrottleInterval: Number.isInteger,
  ExitTimeOut: Number.isInteger,
  ProcessType: (value) => ["Background", "Standard", "Adaptive", "Interactive"].includes(String(value)),
  StandardOutPath: isText,
  StandardErrorPath: isText,
  UserName: isText,
};
const conditions = new Set(["SuccessfulExit", "Crashed", "PathState", "NetworkState", "OtherJobEnabled"]);

function isText(value: unknown): boolean {
  return typeof value === "string";
}
function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}
function unfit(job: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(job)
    .filter(([key, value]) => keys[key]?.(value) !== true)
    .map(([key]) => key);
}

test("launchd would take it, whatever the paths hold", () => {
  const job = parse(renderPlist(description, { logDir: "/Users/me/Library/Logs" })) as Record<
    string,
    unknown
  >;
  assert.equal(unfit(job), []);
  assert.equal((job.ProgramArguments as string[]).slice(0, 4), [
    description.node,
    description.program,
    "--config",
    description.configPath,
  ]);
  assert.equal(job.KeepAlive, { SuccessfulExit: false });
  assert.equal(job.EnvironmentVariables, description.environment);
});

test("control: a misspelled key and a wrong type are found", () => {
  assert.equal(unfit({ Label: "a", KeepAlife: true, ThrottleInterval: "5" }), [
    "KeepAlife",
    "ThrottleInterval",
  ]);
});

test("a daemon of the system says whose it is", () => {
  const scope = { kind: "system", user: "me" } as const;
  const job = parse(renderPlist({ ...description, scope }, { logDir: "/Library/Logs" })) as Record<
    string,
    unknown
  >;
  assert.is(job.UserName, "me");
  assert.equal(unfit(job), []);
});

test("a property list is read back as a parser of such lists reads it", () => {
  const text = renderPlist({ ...description, scope: { kind: "system", user: "me" } }, { logDir: "/a & <b>" });
  const job = parse(text) as Record<string, unknown>;
  assert.equal(readPlist(text), { command: job.ProgramArguments, user: "me" });
  assert.equal(readPlist(""), { command: [], user: undefined });
});

test.run();
