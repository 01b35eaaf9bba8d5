import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createTestClock } from "../../test/support/clock.js";
import { dial, request, startBare } from "../../test/support/raw-http.js";
import { createReply } from "./reply.js";

for (const order of ["before", "after"] as const) {
  test(`a client that goes ${order} the reply is made is noticed once, and leaves no timer`, async () => {
    let arrived = (_res: ServerResponse): void => {};
    const arrival = new Promise<ServerResponse>((resolve) => {
      arrived = resolve;
    });
    const server = await startBare((_req, res) => arrived(res));
    try {
      const client = await dial(server.port);
      client.write(request("GET", "/"));
      const res = await arrival;
      const clock = createTestClock();
      const seen: unknown[] = [];
      const make = () =>
        createReply({ res, accept: "text/event-stream", clock, onDisconnect: () => seen.push(reply) });
      let reply = order === "after" ? make() : undefined;
      client.destroy();
      await once(res, "close");
      reply ??= make();
      await new Promise(setImmediate);
      reply.finish(200, "{}");
      assert.equal([seen, clock.pending()], [[reply], 0]);
    } finally {
      await server.close();
    }
  });
}

test.run();
