import { test } from "uvu";
import * as assert from "uvu/assert";
import { takeService } from "./service.js";

test("what the manager says is taken out of the environment, and nothing else", () => {
  const env: NodeJS.ProcessEnv = {
    PATH: "/bin",
    HOME: "/home/me",
    LISTEN: "mine",
    WATCHDOG_USEC: "30000000",
    WATCHDOG_PID: "7",
    LISTEN_PID: "7",
    LISTEN_FDS: "1",
    LISTEN_FDNAMES: "coding-tools-mcp.socket",
    INVOCATION_ID: "x",
    JOURNAL_STREAM: "8:1",
    CREDENTIALS_DIRECTORY: "/run/credentials/x",
  };
  const { listenFd, isManaged } = takeService(env, 7);
  assert.is(listenFd, 3);
  assert.ok(isManaged);
  assert.equal(Object.keys(env).sort(), ["CREDENTIALS_DIRECTORY", "HOME", "LISTEN", "PATH"]);
});

test("a socket that was passed to another process is not taken", () => {
  assert.is(takeService({ LISTEN_PID: "6", LISTEN_FDS: "1" }, 7).listenFd, undefined);
  assert.is(takeService({}, 7).isManaged, false);
});

test.run();
