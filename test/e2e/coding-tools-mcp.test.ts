import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Json, legacy, modern } from "../support/mcp-harness.js";
import { makePlace, type Place } from "../support/place.js";
import { mainOf, type Program, startProgram } from "../support/program.js";
import { exchange } from "../support/raw-http.js";
import { freePort, holdPort } from "../support/resources.js";
import { begin, call, post, toolNames } from "../support/rpc.js";

type Env = Readonly<Record<string, string>>;

interface Started {
  readonly place: Place;
  readonly program: Program;
}

/** Runs `test` with the program started in `app`, and ends it. */
async function withProgram(
  args: readonly string[],
  env: Env,
  run: (started: Started) => Promise<void>,
  stdin: "ignore" | "pipe" = "ignore",
): Promise<void> {
  const place = makePlace();
  const variables = Object.entries(env).map(([name, value]) => [`CODING_TOOLS_MCP_${name}`, value]);
  const program = startProgram(mainOf("coding-tools-mcp"), {
    args,
    env: { HOME: place.dir, ...Object.fromEntries(variables) },
    cwd: place.app,
    stdin,
  });
  try {
    await run({ place, program });
  } finally {
    await program.kill();
    place.remove();
  }
}

const startLine = /^coding-tools-mcp listening on (http:\/\/\S+\/mcp) \((.*)\)\n/m;

async function listening(program: Program): Promise<{ url: string; label: string }> {
  const [, url = "", label = ""] = await program.until("stderr", startLine);
  return { url, label };
}

const anyPort = ["--port", "0"];

test("its records are read and verified where the manual says", async () => {
  await withProgram(anyPort, {}, async ({ place, program }) => {
    const { url } = await listening(program);
    await call({ url }, "read_file", { path: "hello.txt" });
    program.child.kill("SIGTERM");
    await program.exit;
    const manual = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
    const [, script = ""] = /```sh\n(dir=[^`]*)```/.exec(manual) ?? [];
    const { status, stdout, stderr } = spawnSync("sh", ["-c", script.replace("WORKSPACE", place.app)], {
      env: { HOME: place.dir, PATH: `${programsIn(place.dir)}:${process.env.PATH}` },
      encoding: "utf8",
    });
    assert.is(status, 0, stderr);
    assert.match(stdout, /call +anonymous +workspace +read_file/);
    assert.match(stdout, /^whole: records 1 to \d+ in 1 file/m);
  });
});

/** A folder with `ctmcpctl` in it, for a shell. */
function programsIn(dir: string): string {
  const bin = join(dir, "bin");
  mkdirSync(bin);
  const run = `#!/bin/sh\nexec '${process.execPath}' '${mainOf("ctmcpctl")}' "$@"\n`;
  writeFileSync(join(bin, "ctmcpctl"), run, { mode: 0o755 });
  return bin;
}

/** Flags, variables, and what stands in the brackets of the start line. */
const labels: readonly [readonly string[], Env, string][] = [
  [[], {}, "no auth configured"],
  [["--auth-token", "a-token-of-mine"], {}, "bearer auth enabled"],
  [[], { AUTH_TOKEN: "a-token-of-mine" }, "bearer auth enabled"],
  [["--tool-profile", "read-only"], {}, "no auth configured, profile=read-only"],
  [[], { TOOL_PROFILE: "full", AUTH_TOKEN: "a-token-of-mine" }, "bearer auth enabled, profile=full"],
];

for (const [args, env, expected] of labels) {
  test(`one start line: ${expected} (${args} ${JSON.stringify(env)})`, async () => {
    await withProgram([...anyPort, ...args], env, async ({ program }) => {
      const { url, label } = await listening(program);
      assert.is(label, expected);
      const token = expected.startsWith("bearer") ? "a-token-of-mine" : undefined;
      const read = await call({ url, token }, "read_file", { path: "hello.txt" });
      assert.is(read.structuredContent.content, "hello from app\n");
      assert.is((await post({ url }, modern("tools/list"))).status, token === undefined ? 200 : 401);
      program.child.kill("SIGTERM");
      assert.equal(await program.exit, { code: 143, signal: null });
      assert.is(program.stdout(), "");
      assert.is(program.stderr().replace(startLine, ""), "");
    });
  });
}

test("port and host by flag and by variable", async () => {
  const port = await freePort();
  for (const [args, env] of [
    [["--port", String(port)], {}],
    [["--host", "localhost"], { PORT: String(port) }],
  ] as const) {
    await withProgram(args, env, async ({ program }) => {
      assert.is(new URL((await listening(program)).url).port, String(port));
    });
  }
});

test("without --port it is 8000", async () => {
  await withProgram([], {}, async ({ program }) => {
    const ended = program.exit.then(() => program.stderr());
    const said = await Promise.race([listening(program).then(({ url }) => url, String), ended]);
    assert.match(said, /http:\/\/127\.0\.0\.1:8000\/mcp|127\.0\.0\.1:8000 is already in use/);
  });
});

test("an address that others reach gets a token made, which is printed once", async () => {
  const args = [...anyPort, "--host", "0.0.0.0"];
  await withProgram(args, { GENERATE_AUTH_TOKEN: "1" }, async ({ program }) => {
    const { url: printed } = await listening(program);
    assert.match(printed, /^http:\/\/0\.0\.0\.0:\d+\/mcp$/);
    const url = printed.replace("0.0.0.0", "127.0.0.1");
    const [, token] = /^generated bearer token: (\S+)$/m.exec(program.stderr()) ?? [];
    assert.is((await post({ url }, modern("tools/list"))).status, 401);
    assert.is((await post({ url, token }, modern("tools/list"))).status, 200);
  });
});

test("the public URL may have any scheme and port: its name and its pages are let in, others are not", async () => {
  const env = { SERVER_URL: "http://tools.example:8443", AUTH_TOKEN: "a-token-of-mine" };
  await withProgram([...anyPort, "--host", "0.0.0.0"], env, async ({ program }) => {
    const { port } = new URL((await listening(program)).url);
    const status = async (host: string, origin: string): Promise<number> => {
      const headers = `Host: ${host}\r\nOrigin: ${origin}\r\nContent-Length: 0\r\n`;
      return (await exchange(Number(port), `POST /mcp HTTP/1.1\r\n${headers}\r\n`)).status;
    };
    assert.is(await status("tools.example:8443", "http://tools.example:8443"), 401);
    assert.is(await status("tools.example", "https://tools.example"), 401);
    assert.is(await status("other.example:8443", "http://tools.example:8443"), 403);
    assert.is(await status("tools.example:8443", "http://tools.example:9000"), 403);
  });
});

test("view_image can be taken away", async () => {
  await withProgram(anyPort, { ENABLE_VIEW_IMAGE: "0" }, async ({ program }) => {
    assert.not((await toolNames(await listening(program))).includes("view_image"));
  });
  await withProgram(anyPort, {}, async ({ program }) => {
    assert.ok((await toolNames(await listening(program))).includes("view_image"));
  });
});

test("TRACE writes a line a call, without secrets", async () => {
  const env = { TRACE: "1", AUTH_TOKEN: "a-token-of-mine" };
  await withProgram(anyPort, env, async ({ program }) => {
    const { url } = await listening(program);
    const to = { url, token: env.AUTH_TOKEN };
    await call(to, "search_text", { query: "a-token-of-mine" });
    await call(to, "read_file", { path: "missing" });
    await post(to, modern("tools/list"));
    await program.until("stderr", /"read_file".*\n/);
    const lines = program
      .stderr()
      .split("\n")
      .filter((line) => line.startsWith("{"));
    const records: Json[] = lines.map((line) => JSON.parse(line));
    assert.equal(
      records.map(({ tool, ok, status, error_code }) => [tool, ok, status, error_code]),
      [
        ["search_text", true, "ok", null],
        ["read_file", false, "error", "NOT_FOUND"],
      ],
    );
    assert.is(records[0].args.query, "***");
    for (const record of records) assert.equal(Object.keys(record), Object.keys(record).toSorted());
    assert.not.match(program.stderr(), "a-token-of-mine");
  });
});

/** What is refused with exit code 2, and a word of why. */
const refused: readonly [readonly string[], Env, RegExp][] = [
  [["--no-such-flag"], {}, /no-such-flag/],
  [["--oauth-mode"], { OAUTH_TOKEN_TTL: "soon" }, /OAUTH_TOKEN_TTL/],
  [["--tool-profile", "compat-readonly-all"], {}, /never falsified/],
  [["--dangerously-fake-readonly-annotations"], {}, /never falsified/],
  [["--host", "0.0.0.0"], {}, /no credential/],
  [["--workspace", "/"], {}, /whole machine/],
  [["--workspace", ".."], {}, /home directory/],
  [["--workspace", "missing"], {}, /does not exist/],
  [["--port", "http"], {}, /port/],
  [[], { AUTH_MODE: "basic" }, /CODING_TOOLS_MCP_AUTH_MODE/],
];

test("what cannot be done is refused with exit code 2, reason and hint", async () => {
  for (const [args, env, reason] of refused) {
    await withProgram(args, env, async ({ program }) => {
      assert.equal(await program.exit, { code: 2, signal: null }, args.join(" "));
      assert.match(program.stderr(), /^error: .*\nhint: .*\n$/);
      assert.match(program.stderr(), reason);
      assert.is(program.stdout(), "");
    });
  }
});

test("a port in use is named", async () => {
  const taken = await holdPort();
  await withProgram(["--port", String(taken.port)], {}, async ({ program }) => {
    assert.is((await program.exit).code, 69);
    assert.match(program.stderr(), String(taken.port));
  });
  await taken.release();
});

test("--help and --version", async () => {
  await withProgram(["--help"], {}, async ({ program }) => {
    assert.is((await program.exit).code, 0);
    assert.match(program.stdout(), /--port PORT +default: 8000/);
  });
  await withProgram(["--version"], {}, async ({ program }) => {
    assert.is((await program.exit).code, 0);
    assert.match(program.stdout(), /^coding-tools-mcp \d+\.\d+\.\d+/);
  });
});

for (const [signal, code] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const) {
  for (const args of [anyPort, ["--stdio"]]) {
    test(`${signal} ends ${args} with ${code}`, async () => {
      await withProgram(
        args,
        {},
        async ({ program }) => {
          if (args === anyPort) await listening(program);
          else await answers(program, [legacy("ping")]);
          program.child.kill(signal);
          assert.equal(await program.exit, { code, signal: null });
        },
        "pipe",
      );
    });
  }
}

test("a request that does not come to an end does not hold SIGTERM up", async () => {
  await withProgram(anyPort, {}, async ({ program }) => {
    const underWay = await begin(await listening(program));
    program.child.kill("SIGTERM");
    assert.is(await underWay.cut, "ECONNRESET");
    assert.is((await program.exit).code, 143);
  });
});

/** Writes these lines, or messages, to standard input, and waits for so many answers, which may come in any order. */
async function answers(program: Program, lines: readonly unknown[], count = lines.length): Promise<Json[]> {
  for (const line of lines) {
    program.child.stdin?.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`);
  }
  await program.until("stdout", new RegExp(`(.*\n){${count}}`));
  return program
    .stdout()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("--stdio carries the protocol and nothing else, and ends with its input", async () => {
  await withProgram(
    ["--stdio"],
    { TRACE: "1" },
    async ({ program }) => {
      const initialize = legacy("initialize", {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "e2e", version: "1" },
      });
      const read = legacy("tools/call", { name: "read_file", arguments: { path: "hello.txt" } }, 2);
      const answered = await answers(program, [initialize, "", "not json", read], 3);
      const byId = new Map<unknown, Json>(answered.map((answer) => [answer.id, answer]));
      assert.is(byId.get(1).result.protocolVersion, "2025-11-25");
      assert.is(byId.get(null).error.code, -32700);
      assert.is(byId.get(2).result.structuredContent.content, "hello from app\n");
      program.child.stdin?.end();
      assert.equal(await program.exit, { code: 0, signal: null });
      for (const line of program.stdout().trim().split("\n")) assert.is(JSON.parse(line).jsonrpc, "2.0");
      assert.match(program.stderr(), /^\{.*"read_file".*\}\n$/);
    },
    "pipe",
  );
});

test.run();
