import { EventEmitter, once } from "node:events";
import { connect } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ErrorCode, Fault } from "../errs/errs.js";
import type { LogLine } from "../log/line.js";
import { codeOf, host, post, type RawAnswer, withServer } from "./admin.test.util.js";
import type { AdminBackend } from "./backend.js";

test("every report carries the schema number and the daemon's version", () =>
  withServer({}, async ({ send }) => {
    const answers = [
      ...(await Promise.all(
        ["status", "workspaces", "clients", "attempts", "grants", "tunnel", "config"].map((name) =>
          send(`/v1/${name}`),
        ),
      )),
      await send("/v1/reload", post("")),
      await send("/v1/rotate-secret", post({ kind: "bearer" })),
      await send("/v1/nothing"),
    ];
    for (const { headers, text } of answers) {
      assert.is(JSON.parse(text).schema, 1);
      assert.is(headers["ctmcp-version"], "1.2.3");
      assert.is(headers["content-type"], "application/json");
    }
    assert.equal(
      answers.map(({ status }) => status),
      [200, 200, 200, 200, 200, 200, 200, 200, 200, 404],
    );
  }));

test("what a browser would send is refused, what ctmcpctl sends is not", () =>
  withServer({}, async ({ send }) => {
    const refused = [
      { host: "localhost" },
      { host: "evil.example" },
      { host, origin: "null" },
      { host, referer: "x" },
    ];
    for (const headers of refused) {
      const answer = await send("/v1/status", { headers });
      assert.is(answer.status, 403, JSON.stringify(headers));
      assert.is(codeOf(answer), "REFUSED");
    }
    assert.is((await send("/v1/status", { headers: { host } })).status, 200);
  }));

test("methods and paths", () =>
  withServer({}, async ({ send }) => {
    const wrong = await send("/v1/status", { method: "POST" });
    assert.is(wrong.status, 405);
    assert.is(wrong.headers.allow, "GET");
    assert.is((await send("/v1/reload")).status, 405);
    for (const path of ["/", "//", "/v2/status", "/v1/status/", "/v1/__proto__", "/constructor"]) {
      assert.is((await send(path)).status, 404, path);
    }
    assert.is((await send("/v1/status?x=1")).status, 200);
  }));

test("bodies: bounded, JSON, objects, of the right types", () =>
  withServer({}, async ({ send }) => {
    const large = await send("/v1/reload", post("x".repeat(65_537)));
    assert.is(large.status, 413);
    assert.is((await send("/v1/reload", post(`${" ".repeat(65_534)}{}`))).status, 200);
    for (const body of ["{", "[]", "3", { dry_run: 1 }, { if_generation: "3" }]) {
      const answer = await send("/v1/reload", post(body));
      assert.is(answer.status, 400);
      assert.is(codeOf(answer), "INVALID_ARGUMENT");
    }
    assert.is((await send("/v1/rotate-secret", post({ kind: "other" }))).status, 400);
  }));

test("what is asked reaches the backend", async () => {
  const seen: unknown[] = [];
  const backend: Partial<AdminBackend> = {
    reload: async (options) => {
      seen.push(options);
      return { result: "planned", generation: 3, changes: [], restart_needed: [] };
    },
    config: (options) => {
      seen.push(options);
      return { path: "x", generation: 3, config: {} };
    },
  };
  await withServer(backend, async ({ send }) => {
    await send("/v1/reload", post({ dry_run: true, if_generation: 3 }));
    await send("/v1/reload", { method: "POST", headers: { host } });
    await send("/v1/config?sources=1");
    await send("/v1/config");
  });
  assert.equal(seen, [
    { dryRun: true, ifGeneration: 3 },
    { dryRun: false, ifGeneration: undefined },
    { sources: true },
    { sources: false },
  ]);
});

test("a Fault is told with its code, hint and details; the code decides the status", async () => {
  const statuses: readonly (readonly [ErrorCode, number])[] = [
    ["REFUSED", 409],
    ["CONFIG_INVALID", 422],
    ["CONFIG_MISSING", 422],
    ["PERMISSION", 403],
    ["ADDRESS_IN_USE", 409],
    ["FAILED", 500],
  ];
  for (const [code, expected] of statuses) {
    const fail = async () => {
      throw new Fault(code, "it is so", { hint: "do this", details: { line: 3 } });
    };
    await withServer({ reload: fail }, async ({ send, errors }) => {
      const { status, text } = await send("/v1/reload", post({}));
      assert.is(status, expected, code);
      assert.equal(JSON.parse(text), {
        schema: 1,
        error: { code, message: "it is so", hint: "do this", details: { line: 3 } },
      });
      assert.equal(errors, []);
    });
  }
});

test("a bug is told as one, reported to the daemon, and harms no later request", () => {
  const bug = new TypeError("x is not a function");
  const fail = () => {
    throw bug;
  };
  return withServer({ status: fail }, async ({ send, errors }) => {
    const answer = await send("/v1/status");
    assert.is(answer.status, 500);
    assert.is(codeOf(answer), "INTERNAL_ERROR");
    assert.equal(errors, [bug]);
    assert.is((await send("/v1/workspaces")).status, 200);
  });
});

test("logs come line by line while they happen, and the backend learns when the reader leaves", async () => {
  const line = (message: string): LogLine => ({ time: "t", level: "info", message });
  let aborted: Promise<unknown> | undefined;
  const logs: AdminBackend["logs"] = async function* ({ follow, signal }) {
    yield line(follow ? "following" : "not following");
    if (!follow) return;
    aborted = once(signal, "abort");
    await aborted;
    throw signal.reason;
  };
  await withServer({ logs }, async ({ socketPath, send, errors }) => {
    assert.is((await send("/v1/logs")).text, `${JSON.stringify(line("not following"))}\n`);
    const socket = connect(socketPath, () =>
      socket.write(`GET /v1/logs?follow=1 HTTP/1.1\r\nHost: ${host}\r\n\r\n`),
    );
    let text = "";
    for await (const chunk of socket.setEncoding("utf8")) {
      text += chunk;
      if (text.includes('"following"')) break;
    }
    socket.destroy();
    await aborted;
    assert.equal(errors, []);
  });
});

test("a closing server ends the log streams cleanly", async () => {
  const errors: unknown[][] = [];
  let stream: Promise<RawAnswer> | undefined;
  const started = new EventEmitter();
  const logs: AdminBackend["logs"] = async function* ({ signal }) {
    yield { time: "t", level: "info", message: "only" };
    started.emit("waiting");
    await once(signal, "abort");
    throw signal.reason;
  };
  await withServer({ logs }, async (setup) => {
    errors.push(setup.errors);
    const waiting = once(started, "waiting");
    stream = setup.send("/v1/logs?follow=1");
    await waiting;
  });
  assert.match((await stream)?.text ?? "", /"only"/);
  assert.equal(errors, [[]]);
});

test("a client that leaves in the middle of its body is no bug", () =>
  withServer({}, async ({ socketPath, send, errors }) => {
    const head = `POST /v1/reload HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n`;
    const socket = connect(socketPath, () => socket.write(head));
    await once(socket, "data");
    socket.write("{");
    socket.destroy();
    await once(socket, "close");
    assert.is((await send("/v1/status")).status, 200);
    assert.equal(errors, []);
  }));

test("garbage is answered 400 and the server lives on", () =>
  withServer({}, async ({ socketPath, send }) => {
    const socket = connect(socketPath, () => socket.write("\x16\x03\x01 nonsense\r\n\r\n"));
    const [answer] = await once(socket.setEncoding("utf8"), "data");
    assert.match(String(answer), /^HTTP\/1\.1 400 /);
    socket.destroy();
    assert.is((await send("/v1/status")).status, 200);
  }));

function notAsked(): never {
  throw new Error("a wrong request came through");
}

test("an answer to a request for permissions: of the right types, within an hour", () =>
  withServer({ approvals: { list: () => [], decide: notAsked } }, async ({ send }) => {
    const bad = [
      { allow: true },
      { id: 1, allow: true },
      { id: "x" },
      { id: "x", allow: "yes" },
      { id: "x", allow: true, for_seconds: 0 },
      { id: "x", allow: true, for_seconds: 3_601 },
      { id: "x", allow: true, for_seconds: "60" },
    ];
    for (const body of bad) {
      assert.is((await send("/v1/approvals", post(body))).status, 400, JSON.stringify(body));
    }
    const other = await send("/v1/approvals", { method: "PUT", headers: { host } });
    assert.is(other.status, 405);
    assert.is(other.headers.allow, "GET, POST");
  }));

test("undo: the newest or the one named, by a text; a conflict is a 409, an unknown one a 404", async () => {
  const seen: unknown[] = [];
  const undone = {
    id: "x",
    at: "t",
    tool: "edit_file",
    workspace: "w",
    root: "/w",
    summary: [],
    changes: [],
    warnings: [],
  };
  const undo = async (id: string | undefined) => {
    if (id === "stale") throw new Fault("PATCH_CONFLICT", "somebody was faster");
    if (id === "gone") throw new Fault("NOT_FOUND", "no such entry");
    seen.push(id);
    return undone;
  };
  await withServer({ undo: { list: async () => [undone], undo } }, async ({ send }) => {
    assert.equal(JSON.parse((await send("/v1/undo")).text), { schema: 1, entries: [undone] });
    for (const id of [1, null, true, ["x"]]) {
      assert.is((await send("/v1/undo", post({ id }))).status, 400, JSON.stringify(id));
    }
    assert.equal(seen, []);
    const last = await send("/v1/undo", { method: "POST", headers: { host } });
    assert.equal(JSON.parse(last.text), { schema: 1, undone });
    await send("/v1/undo", post({ id: "x" }));
    assert.equal(seen, [undefined, "x"]);
    const conflict = await send("/v1/undo", post({ id: "stale" }));
    assert.equal([conflict.status, codeOf(conflict)], [409, "PATCH_CONFLICT"]);
    assert.is((await send("/v1/undo", post({ id: "gone" }))).status, 404);
  });
  await withServer({}, async ({ send }) => {
    assert.equal(JSON.parse((await send("/v1/undo")).text), { schema: 1, entries: [] });
    assert.is((await send("/v1/undo", post({}))).status, 404);
  });
});

test.run();
