import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { setTimeout } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { withDaemon } from "../../test/support/daemon-in-process.js";
import { legacy, mirrorOf, modern } from "../../test/support/mcp-harness.js";
import { fixtureTool } from "../../test/support/mcp-parts.js";

/** Edges give up on a connection that stays silent for longer: a bound on time that is part of the contract. */
const boundMs = 1_500;

const silent = fixtureTool({
  name: "silent",
  lane: "heavy",
  async run({ signal }) {
    await setTimeout(30_000, undefined, { signal });
    return { content: [], structured: { ok: true } };
  },
});

for (const era of [legacy, modern]) {
  test(`${era.name}: a call that is silent for 30 s has its head and a byte on the wire in time`, async () => {
    await withDaemon({ tools: [silent] }, async ({ endpoint }) => {
      const { url, token } = endpoint();
      const message = era("tools/call", { name: "silent" });
      const began = performance.now();
      const req: ClientRequest = request(url, {
        method: "POST",
        agent: false,
        headers: {
          authorization: `Bearer ${token}`,
          accept: "application/json, text/event-stream",
          "content-type": "application/json",
          ...(era === modern && mirrorOf(message)),
        },
      }).end(JSON.stringify(message));
      const [res] = (await once(req, "response")) as [IncomingMessage];
      const head = performance.now() - began;
      const [bytes] = await once(res, "data");
      const firstByte = performance.now() - began;
      // Hangs up: the call itself ends with the daemon.
      res.on("error", () => {}).destroy();
      assert.is(String(bytes), ":\n\n");
      assert.ok(
        Math.max(head, firstByte) < boundMs,
        `head after ${head} ms, first byte after ${firstByte} ms`,
      );
    });
  });
}

test.run();
