import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkJourney } from "../../cmd/ctmcpctl/doctor/journey.js";
import type { Row } from "../../cmd/ctmcpctl/doctor/row.js";
import { ownAgent } from "../../internal/tunnel/exchange.js";
import { createAuthority } from "../../internal/tunnel/tls.test.util.js";
import { type FixtureDaemon, withDaemon } from "../support/daemon-in-process.js";
import { withDaemonProcess } from "../support/daemon-process.js";
import { makePlace, type Place } from "../support/place.js";
import { mainOf, startProgram } from "../support/program.js";
import { holdPort, type Interference, outsideThrough, startFront } from "../support/public-front.js";

const host = "mcp.example.com";
const authority = createAuthority();
test.after(() => authority.close());

const everyStep = [
  "outside.card",
  "clock",
  "outside.resource-metadata",
  "outside.server-metadata",
  "outside.register",
  "outside.authorize",
  "outside.token",
  "mcp.challenge",
  "mcp.initialize",
  "mcp.tools",
  "mcp.ping",
  "mcp.first-byte",
];

/** Goes the way of a client to `daemon` through a front that interferes. */
async function journey(
  daemon: FixtureDaemon,
  interference: Interference,
  token?: string,
): Promise<readonly Row[]> {
  const target = daemon.daemon.address().port;
  const front = await startFront({ authority, host, target }, interference);
  const rows: Row[] = [];
  const outside = outsideThrough(front, { authority, host, daemon, ...(token && { token }) });
  await checkJourney(outside, (more) => void rows.push(...more)).finally(() => front.close());
  return rows;
}

/** `id:status` of each row that is not ok. */
function amiss(rows: readonly Row[]): string[] {
  return rows.filter(({ status }) => status !== "ok").map(({ id, status }) => `${id}:${status}`);
}

async function withPassword(
  mode: "oauth" | "oauth+bearer",
  run: (daemon: FixtureDaemon) => Promise<void>,
): Promise<void> {
  const config = { hostname: host, auth: { mode } };
  await withDaemon({ config }, async (daemon) => {
    await daemon.admin.rotateSecret({ kind: "password", revoke: false });
    await run(daemon);
  });
}

const wall = "<!doctype html><title>Just a moment...</title>";

interface Case {
  readonly name: string;
  readonly interference: Interference;
  readonly amiss: readonly string[];
  /** What has to be named. */
  readonly text?: string;
  /** What the hint has to lead to. */
  readonly hint?: RegExp;
}

const cases: readonly Case[] = [
  { name: "nothing in the way", interference: {}, amiss: [] },
  {
    name: "a bot check on registration",
    interference: {
      answer: ({ url }, res) =>
        url === "/oauth/register" && Boolean(res.writeHead(403, { "cf-mitigated": "challenge" }).end(wall)),
    },
    amiss: ["outside.register:fail"],
    hint: /Bot Fight Mode/,
  },
  {
    name: "a bot check on calls with a token",
    interference: {
      answer: ({ headers }, res) =>
        headers.authorization !== undefined &&
        Boolean(res.writeHead(403, { "content-type": "text/html" }).end(wall)),
    },
    amiss: ["mcp.initialize:fail"],
    hint: /160\.79\.104\.0\/21/,
  },
  {
    name: "a page that browsers get first",
    interference: {
      answer: ({ headers }, res) =>
        /Mozilla/.test(headers["user-agent"] ?? "") &&
        Boolean(
          res.writeHead(200, { "ngrok-error-code": "ERR_NGROK_6024" }).end("<html>ERR_NGROK_6024</html>"),
        ),
    },
    amiss: ["outside.authorize:warn"],
  },
  {
    name: "another host name passed on",
    interference: {
      onRequest: (headers) => {
        headers.host = "app.internal";
      },
    },
    amiss: ["outside.card:fail"],
    text: "app.internal",
    hint: /Host header/,
  },
  {
    name: "documents that name another server",
    interference: {
      onAnswer: (answer) => {
        if (answer.body.includes('"resource"')) answer.body = answer.body.replaceAll(host, "www.example.com");
      },
    },
    amiss: ["outside.resource-metadata:fail", "mcp.first-byte:fail"],
    hint: /hostname/,
  },
  {
    name: "one of the places in other hands",
    interference: {
      answer: ({ url }, res) =>
        url === "/.well-known/openid-configuration" &&
        Boolean(res.writeHead(200).end(JSON.stringify({ issuer: `https://${host}`, of: "another" }))),
    },
    amiss: ["outside.server-metadata:fail"],
    hint: /well-known/,
  },
  ...[
    { what: "without endpoints", odd: {}, text: "registration_endpoint is missing" },
    {
      what: "with an endpoint that is no URL",
      odd: { registration_endpoint: `https://${host}/r`, authorization_endpoint: "https://[" },
      text: "authorization_endpoint is https://[,",
    },
    {
      what: "with an endpoint elsewhere",
      odd: { registration_endpoint: "https://www.example.com/oauth/register" },
      text: "registration_endpoint is https://www.example.com/oauth/register,",
    },
    { what: "with an issuer that is no text", odd: { issuer: { toString: 1 } }, text: "issuer is {" },
  ].map(
    ({ what, odd, text }): Case => ({
      name: `a document ${what}`,
      interference: {
        answer: ({ url = "" }, res) =>
          /oauth-authorization-server|openid-configuration/.test(url) &&
          Boolean(res.writeHead(200).end(JSON.stringify({ issuer: `https://${host}`, ...odd }))),
      },
      amiss: ["outside.server-metadata:fail"],
      text: `authorization server metadata at /.well-known/oauth-authorization-server: ${text}`,
    }),
  ),
  {
    name: "a status that is changed",
    interference: {
      answer: ({ url }, res) =>
        url === "/oauth/token" && Boolean(res.writeHead(400).end('{"error":"invalid_client"}')),
    },
    amiss: ["outside.token:fail"],
  },
  {
    name: "a challenge that is dropped, and streams that are held back",
    interference: {
      onAnswer: ({ headers }) => {
        delete headers["www-authenticate"];
      },
    },
    amiss: ["mcp.challenge:fail", "mcp.first-byte:fail"],
  },
  {
    name: "calls that are never answered",
    interference: { answer: ({ headers }) => headers.authorization !== undefined },
    amiss: ["mcp.initialize:fail"],
    text: "10 s",
  },
  {
    name: "a credential that is dropped",
    interference: {
      onRequest: (headers) => {
        delete headers.authorization;
      },
    },
    amiss: ["mcp.initialize:fail"],
    hint: /Authorization/,
  },
];

test("each hop that fails is named, and those before it are well", () =>
  withPassword("oauth+bearer", async (daemon) => {
    for (const { name, interference, amiss: expected, hint, text } of cases) {
      const rows = await journey(daemon, interference);
      assert.equal(amiss(rows), expected, `${name}: ${JSON.stringify(rows, null, 1)}`);
      if (expected.length === 0) {
        const { clients } = await daemon.admin.attempts();
        assert.equal(
          clients.map(({ user_agent: agent }) => agent),
          [ownAgent],
        );
        assert.equal(
          rows.map(({ id }) => id),
          everyStep,
        );
      }
      const [first] = rows.filter(({ status }) => status !== "ok");
      assert.match(first?.text ?? "", text ?? "", name);
      if (hint !== undefined) assert.match(first?.hint ?? "", hint, name);
    }
  }));

test("where clients sign in, a pass goes all the way, to read and until it ends", () =>
  withPassword("oauth", async (daemon) => {
    const { token } = await daemon.admin.issuePass();
    const rows = await journey(daemon, {}, token);
    assert.equal(amiss(rows), []);
    assert.equal(
      rows.map(({ id }) => id),
      everyStep,
    );
    assert.equal((await daemon.admin.grants()).grants, []);
    await daemon.admin.endPass();
    assert.equal(amiss(await journey(daemon, {}, token)), ["mcp.initialize:fail"]);
  }));

test("without a credential the challenge is tried, and no more is claimed", () =>
  withPassword("oauth", async (daemon) => {
    const rows = await journey(daemon, {});
    assert.equal(amiss(rows), ["mcp.initialize:warn"]);
    assert.equal(
      rows.map(({ id }) => id),
      everyStep.slice(0, everyStep.indexOf("mcp.tools")),
    );
  }));

test("without sign-in the documents have to be missing", () =>
  withDaemon({ config: { hostname: host } }, async (daemon) => {
    const rows = await journey(daemon, {});
    assert.equal(amiss(rows), []);
    assert.ok(rows.some(({ id }) => id === "outside.no-sign-in"));
    const invented = await journey(daemon, {
      answer: ({ url = "" }, res) => /oauth-authorization/.test(url) && Boolean(res.writeHead(200).end("{}")),
    });
    assert.equal(amiss(invented), ["outside.no-sign-in:fail"]);
  }));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly rows: readonly Row[];
}

/** Runs ctmcpctl in `place`; `rows` are there with --json. */
async function ctl(place: Place, ...args: readonly string[]): Promise<Ended> {
  const program = startProgram(mainOf("ctmcpctl"), {
    args: ["--config", place.configPath, ...args],
    env: { HOME: place.dir },
    cwd: place.dir,
  });
  const { code } = await program.exit;
  const stdout = program.stdout();
  return { code, stdout, rows: args.includes("--json") ? JSON.parse(stdout).rows : [] };
}

test("doctor and verify on a daemon without a public name", () =>
  withDaemonProcess({}, async (daemon) => {
    const doctor = await ctl(daemon, "doctor", "--json");
    assert.equal(
      doctor.rows.filter(({ status }) => status === "fail"),
      [],
    );
    assert.is(doctor.code, 0);
    const ids = doctor.rows.map(({ id }) => id);
    for (const id of [
      "config",
      "files",
      "daemon",
      "sandbox",
      "path",
      "git",
      "rg",
      "outside.card",
      "mcp.tools",
    ])
      assert.ok(ids.includes(id), `${id} in ${ids}`);
    const verify = await ctl(daemon, "verify");
    assert.is(verify.code, 0);
    for (const part of [/^OK .*server card/m, /^OK .*initialize/m, /^OK .*tools\/list/m, /^OK .*ping/m])
      assert.match(verify.stdout, part);
  }));

test("doctor and verify where clients sign in", () =>
  withDaemonProcess({}, async (daemon) => {
    daemon.configure({ auth: { mode: "oauth" } });
    await daemon.admin.reload({ dryRun: false });
    await daemon.admin.rotateSecret({ kind: "password", revoke: false });
    for (const verb of ["doctor", "verify"]) {
      const { code, rows } = await ctl(daemon, verb, "--json");
      assert.is(code, 0, verb);
      for (const id of ["mcp.challenge", "mcp.tools", "mcp.first-byte"])
        assert.is(rows.find((row) => row.id === id)?.status, "ok", `${verb}: ${id}`);
    }
  }));

test("what others can reach is found, with the command that ends it", () =>
  withDaemonProcess({}, async (daemon) => {
    const kept = join(daemon.dir, "state", "kept.json");
    writeFileSync(kept, "{}", { mode: 0o600 });
    assert.is((await ctl(daemon, "doctor")).code, 0);
    chmodSync(kept, 0o640);
    const { code, rows } = await ctl(daemon, "doctor", "--json");
    assert.is(code, 4);
    assert.equal(
      rows.filter(({ status }) => status === "fail").map(({ hint }) => hint),
      [`run: chmod 600 ${kept}`],
    );
  }));

test("a token that others can read is told, and the rest is looked at all the same", () =>
  withDaemonProcess({}, async (daemon) => {
    const token = join(daemon.dir, "state", "bearer-token");
    chmodSync(token, 0o644);
    const { code, rows } = await ctl(daemon, "doctor", "--json");
    assert.is(code, 4);
    assert.ok(rows.some(({ id, hint }) => id === "files" && hint === `run: chmod 600 ${token}`));
    assert.ok(rows.some(({ id, status }) => id === "mcp.challenge" && status === "ok"));
  }));

test("without a daemon: what is on this machine, and who has the port", async () => {
  const place = makePlace();
  const { port, close } = await holdPort();
  try {
    place.configure({ listen: `127.0.0.1:${port}` });
    const held = await ctl(place, "doctor", "--json");
    assert.is(held.code, 4);
    assert.equal(
      held.rows.filter(({ status }) => status === "fail").map(({ id }) => id),
      ["daemon", "port"],
    );
    assert.match(held.rows.find(({ id }) => id === "port")?.text ?? "", new RegExp(`pid ${process.pid}\\b`));
    close();
    const free = await ctl(place, "doctor", "--json");
    assert.is(free.rows.find(({ id }) => id === "port")?.status, "ok");
    writeFileSync(place.configPath, "version: 1\nworkspaces: []\nodd: 1\n");
    const broken = await ctl(place, "doctor", "--json");
    assert.is(broken.rows.filter(({ id, status }) => id === "config" && status === "fail").length, 2);
    assert.ok(broken.rows.some(({ id }) => id === "rg"));
    assert.is((await ctl(place, "verify")).code, 3);
  } finally {
    close();
    place.remove();
  }
});

test.run();
