import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { networkIdentity } from "./network.js";

// The test below runs this file again, inside a network of its own.
if (process.argv[2] === "tell") process.stdout.write(`${await networkIdentity()}\n`);
else runTests();

function runTests(): void {
  test("is empty without a way out, and the address used for it otherwise", () => {
    const script = `
      "$@"
      ip link set lo up
      ip address add 10.1.2.3/24 dev lo
      "$@"
      ip route add default dev lo src 10.1.2.3
      "$@"`;
    const self = [process.execPath, fileURLToPath(import.meta.url), "tell"];
    const { stdout, stderr } = spawnSync("unshare", ["-rn", "sh", "-c", script, "sh", ...self], {
      encoding: "utf8",
    });
    assert.is(stderr, "");
    assert.equal(stdout.split("\n"), ["", "", "10.1.2.3", ""]);
  });

  test("stays the same while the network does", async () => {
    assert.is(await networkIdentity(), await networkIdentity());
  });

  test.run();
}
