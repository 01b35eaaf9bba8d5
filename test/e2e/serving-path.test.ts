import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { launch, withDaemonProcess } from "../support/daemon-process.js";
import { legacy, modern } from "../support/mcp-harness.js";
import { makePlace, type Place } from "../support/place.js";
import { type Program, startProgram, unbundledMainOf } from "../support/program.js";
import { call, type Endpoint, post } from "../support/rpc.js";

const require = createRequire(import.meta.url);

/** Belongs to clients, to the build or to tests: too heavy, or too much code, for the process that serves. */
const forbidden = /node_modules\/(@modelcontextprotocol|zod|undici|ajv\/dist\/(ajv|core|2020|compile))\b/;

/** The modules a node process has loaded, by whatever way: V8's coverage names every script there was. */
function modulesIn(folder: string): string[] {
  const urls = readdirSync(folder).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(join(folder, file), "utf8")) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  return [...new Set(urls)].filter((url) => url.startsWith("file:"));
}

async function withRecording(
  start: (place: Place, env: Readonly<Record<string, string>>) => Program,
  use: (program: Program, place: Place) => Promise<void>,
): Promise<string[]> {
  const place = makePlace();
  const folder = join(place.dir, "coverage");
  mkdirSync(folder);
  const program = start(place, { NODE_V8_COVERAGE: folder });
  try {
    await use(program, place);
    program.child.kill("SIGTERM");
    await program.exit;
    return modulesIn(folder);
  } finally {
    await program.kill();
    place.remove();
  }
}

function launchUnbundled(place: Place, env: Readonly<Record<string, string>>): Program {
  return launch(place, env, unbundledMainOf("ctmcpd"));
}

/** Every tool, in both eras. */
async function useAll(to: Endpoint): Promise<void> {
  await post(to, legacy("initialize", { protocolVersion: "2025-11-25", capabilities: {} }));
  const { body } = await post(to, modern("tools/list"));
  const of: Record<string, object> = {
    read_file: { path: "hello.txt" },
    view_image: { path: "dot.png" },
    search_text: { query: "hello" },
    apply_patch: { patch: "*** Begin Patch\n*** Add File: new.txt\n+old\n*** End Patch" },
    edit_file: { path: "new.txt", old_text: "old", new_text: "new" },
    exec_command: { cmd: "cat", keep_stdin_open: true, yield_time_ms: 0 },
    git_blame: { path: "hello.txt" },
  };
  const listed: string[] = body.result.tools.map(({ name }: { name: string }) => name);
  const offered = ["exec_command", ...listed.filter((name) => name !== "exec_command")];
  for (const name of offered.filter((name) => listed.includes(name) && name !== "request_permissions")) {
    if (!listed.includes("exec_command") && name === "read_output") continue;
    const { structuredContent } = await call(to, name, of[name]);
    assert.is(structuredContent.ok, true, `${name}: ${JSON.stringify(structuredContent)}`);
    if (name !== "exec_command") continue;
    const { command_id } = structuredContent;
    Object.assign(of, {
      write_stdin: { command_id, chars: "x\n" },
      read_output: { output_ref: `command:${command_id}:stdout` },
      kill_command: { command_id },
    });
  }
}

const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";

test("ctmcpd serves every tool without the SDK, zod, undici or a schema compiler", async () => {
  const loaded = await withRecording(launchUnbundled, async (program, place) => {
    writeFileSync(join(place.app, "dot.png"), Buffer.from(dot, "base64"));
    const [, port] = await program.until("stderr", /"ready".*"port":(\d+)/);
    await useAll({ url: `http://127.0.0.1:${port}/mcp`, token: place.token() });
    await place.admin.reload({ dryRun: false });
  });
  assert.ok(loaded.some((url) => url.endsWith("/internal/mcp/http.js")));
  assert.ok(loaded.some((url) => url.includes("/node_modules/yaml/")));
  assert.equal(
    loaded.filter((url) => forbidden.test(url)),
    [],
  );
});

test("coding-tools-mcp does so too", async () => {
  const loaded = await withRecording(
    ({ dir, app }, env) =>
      startProgram(unbundledMainOf("coding-tools-mcp"), {
        args: ["--port", "0"],
        // Recording puts a variable of its own into every process, which the self-test counts as a leak.
        env: { HOME: dir, CODING_TOOLS_MCP_SANDBOX_MINIMUM: "filesystem-only", ...env },
        cwd: app,
      }),
    async (program, place) => {
      writeFileSync(join(place.app, "dot.png"), Buffer.from(dot, "base64"));
      const [, url = ""] = await program.until("stderr", /listening on (\S+)/);
      await useAll({ url });
    },
  );
  assert.ok(loaded.some((url) => url.endsWith("/internal/mcp/http.js")));
  assert.equal(
    loaded.filter((url) => forbidden.test(url)),
    [],
  );
});

test("a forbidden module that is loaded is found, also when it is loaded late", async () => {
  for (const name of ["@modelcontextprotocol/sdk/types.js", "undici", "ajv/dist/2020.js"]) {
    const loaded = await withRecording(
      ({ dir }, env) => {
        const main = join(dir, "main.mjs");
        writeFileSync(
          main,
          `process.once("SIGTERM", () => process.exit());
          await import(${JSON.stringify(pathToFileURL(require.resolve(name)))});
          console.log("loaded"); setInterval(() => {}, 1000);`,
        );
        return startProgram(main, { env });
      },
      async (program) => void (await program.until("stdout", /loaded/)),
    );
    assert.ok(
      loaded.some((url) => forbidden.test(url)),
      name,
    );
  }
});

test("a daemon at rest needs at most 75 MiB", async () => {
  await withDaemonProcess({}, async ({ program, endpoint }) => {
    await post(endpoint, modern("tools/list"));
    const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${program.pid}/status`, "utf8")) ?? [];
    const mib = Number(kib) / 1024;
    console.log(`resident after the first answer: ${mib.toFixed(1)} MiB`);
    assert.ok(mib > 0 && mib <= 75);
  });
});

test.run();
