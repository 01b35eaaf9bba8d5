import { once } from "node:events";
import { chmodSync, renameSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createNetServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Fault } from "../errs/errs.js";
import type { LogLine } from "../log/line.js";
import { faultOf, grant, makeBackend, makeDir, status } from "./admin.test.util.js";
import type { AdminBackend } from "./backend.js";
import { createAdminClient } from "./client.js";
import { createAdminServer } from "./server.js";

const uid = process.getuid?.() ?? 0;
let dir = "";
let socketPath = "";
test.before.each(() => {
  dir = makeDir();
  socketPath = join(dir, "admin.sock");
});
test.after.each(() => rmSync(dir, { recursive: true, force: true }));

async function withBackend(parts: Partial<AdminBackend>, run: () => Promise<void>): Promise<void> {
  const backend = makeBackend(parts);
  const server = await createAdminServer({ socketPath, uid, backend, version: "1.2.3", onError: () => {} });
  await run().finally(() => server.close());
}

async function withStranger(listener: RequestListener, run: () => Promise<void>): Promise<void> {
  const server = createServer(listener).listen(socketPath);
  await once(server, "listening");
  await run().finally(() => server.close().closeAllConnections());
}

test("every method reaches the daemon and brings its report back", async () => {
  const seen: unknown[] = [];
  const reload: AdminBackend["reload"] = async (options) => {
    seen.push(options);
    return { result: "applied", generation: 4, changes: ["profile: full"], restart_needed: ["state_dir"] };
  };
  await withBackend({ reload }, async () => {
    const versions: string[] = [];
    const client = createAdminClient({ socketPath, onVersion: (version) => versions.push(version) });
    assert.equal(await client.status(), { schema: 1, ...status });
    assert.is((await client.reload({ dryRun: false, ifGeneration: 3 })).result, "applied");
    assert.is((await client.reload({ dryRun: true })).generation, 4);
    assert.equal(seen, [
      { dryRun: false, ifGeneration: 3 },
      { dryRun: true, ifGeneration: undefined },
    ]);
    assert.is((await client.workspaces()).workspaces.length, 2);
    assert.equal((await client.clients()).clients, []);
    assert.equal((await client.config({ sources: true })).config, { version: 1 });
    assert.is((await client.rotateSecret({ kind: "bearer", revoke: false })).secrets.bearer, "s3cret");
    assert.equal([...new Set(versions)], ["1.2.3"]);
  });
});

test("the daemon's Fault arrives whole; a code of another version is REFUSED", async () => {
  const problems = [{ file: "x", line: 1, col: 2, message: "odd" }];
  const reload = async () => {
    throw new Fault("CONFIG_INVALID", "x has 1 problem", { hint: "mend x", details: { problems } });
  };
  const clients = () => {
    throw new Fault("BINARY_FILE", "not a program's code");
  };
  await withBackend({ reload, clients }, async () => {
    const client = createAdminClient({ socketPath });
    const fault = await faultOf(() => client.reload({ dryRun: false }));
    assert.is(fault.code, "CONFIG_INVALID");
    assert.is(fault.hint, "mend x");
    assert.equal(fault.details.problems, problems);
    assert.is((await faultOf(() => client.clients())).code, "REFUSED");
  });
});

test("an undo that failed keeps its code, one that would lose a change is refused", async () => {
  const undo = async (id: string | undefined) => {
    throw new Fault(id === undefined ? "NOT_FOUND" : "PATCH_CONFLICT", "it is so", { hint: "do this" });
  };
  await withBackend({ undo: { list: async () => [], undo } }, async () => {
    const client = createAdminClient({ socketPath });
    assert.equal(await client.undoList(), { schema: 1, entries: [] });
    assert.is((await faultOf(() => client.undo(undefined))).code, "NOT_FOUND");
    const { code, message, hint } = await faultOf(() => client.undo("x"));
    assert.equal([code, message, hint], ["REFUSED", "it is so", "do this"]);
  });
});

test("grants are listed and changed; an id that is not there any more is told as such", async () => {
  const seen: unknown[] = [];
  const change = async (id: string, access?: unknown) => {
    if (id !== grant.id) throw new Fault("NOT_FOUND", `no client ${id}`, { hint: "look" });
    seen.push(access);
    return grant;
  };
  const signIn = { list: () => [grant], revoke: change, setAccess: change, unlock: () => ({ cleared: 1 }) };
  await withBackend({ signIn }, async () => {
    const client = createAdminClient({ socketPath });
    assert.equal(await client.grants(), { schema: 1, grants: [grant] });
    assert.equal(await client.revokeGrant(grant.id), { schema: 1, grant });
    assert.equal(await client.setAccess(grant.id, { workspaces: null }), { schema: 1, grant });
    await client.setAccess(grant.id, { profile: "full", workspaces: ["app"] });
    assert.equal(seen, [
      undefined,
      { profile: undefined, workspaces: null },
      { profile: "full", workspaces: ["app"] },
    ]);
    assert.is((await faultOf(() => client.revokeGrant("x"))).code, "NOT_FOUND");
    assert.is((await faultOf(() => client.setAccess("x", { profile: "full" }))).code, "NOT_FOUND");
    assert.equal(await client.unlock(), { schema: 1, cleared: 1 });
  });
});

test("no socket, a stale socket, somebody else's socket: three different answers", async () => {
  const client = createAdminClient({ socketPath, startHint: "start it: so" });
  const missing = await faultOf(() => client.status());
  assert.is(missing.code, "DAEMON_UNREACHABLE");
  assert.is(missing.details.reason, "no-socket");
  assert.is(missing.hint, "start it: so");

  const server = createNetServer().listen(`${socketPath}.live`);
  await once(server, "listening");
  renameSync(`${socketPath}.live`, socketPath);
  await new Promise((closed) => server.close(closed));
  const stale = await faultOf(() => client.status());
  assert.is(stale.code, "DAEMON_UNREACHABLE");
  assert.is(stale.details.reason, "stale-socket");
});

test("a socket that may not be opened is PERMISSION", async () => {
  await withBackend({}, async () => {
    // Nobody's rights for root, who may open anything; no rights in the directory for everybody else.
    if (uid === 0) process.seteuid?.(65_534);
    else chmodSync(dir, 0o000);
    const fault = await faultOf(() => createAdminClient({ socketPath }).status());
    if (uid === 0) process.seteuid?.(0);
    else chmodSync(dir, 0o700);
    assert.is(fault.code, "PERMISSION");
    assert.is((await createAdminClient({ socketPath }).status()).schema, 1);
  });
});

test("a daemon that does not answer, and one that dies over its answer", async () => {
  await withStranger(
    () => {},
    async () => {
      const client = createAdminClient({ socketPath, timeoutMs: 50 });
      assert.is((await faultOf(() => client.status())).code, "DAEMON_UNREACHABLE");
    },
  );
  const cutShort: RequestListener = (_, res) => {
    res.writeHead(200, { "content-length": 100 });
    res.write('{"schema":1', () => res.destroy());
  };
  await withStranger(cutShort, async () => {
    const client = createAdminClient({ socketPath });
    assert.is((await faultOf(() => client.status())).code, "DAEMON_UNREACHABLE");
    const logs = client.logs({ follow: true, signal: new AbortController().signal });
    assert.is(
      (
        await faultOf(async () => {
          for await (const _ of logs);
        })
      ).code,
      "DAEMON_UNREACHABLE",
    );
  });
  await withStranger(
    (req) => req.socket.destroy(),
    async () => {
      const client = createAdminClient({ socketPath });
      assert.is((await faultOf(() => client.status())).code, "DAEMON_UNREACHABLE");
    },
  );
});

test("log lines arrive as they come, whole however they are cut, and end when told", async () => {
  const line = (message: string): LogLine => ({ time: "t", level: "info", message });
  const cutAnywhere: RequestListener = (_, res) => {
    const bytes = Buffer.from(`${JSON.stringify(line("größe"))}\n${JSON.stringify(line("zwei"))}\n`);
    res.writeHead(200);
    let next = 0;
    const step = (): void => {
      if (next < bytes.length) res.write(bytes.subarray(next, ++next), () => setImmediate(step));
    };
    step();
  };
  await withStranger(cutAnywhere, async () => {
    const stop = new AbortController();
    const seen: LogLine[] = [];
    for await (const it of createAdminClient({ socketPath }).logs({ follow: true, signal: stop.signal })) {
      if (seen.push(it) === 2) stop.abort();
    }
    assert.equal(seen, [line("größe"), line("zwei")]);
  });
});

test.run();
