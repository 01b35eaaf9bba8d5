import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createBrowser } from "../support/browser.js";
import { mainOf, startProgram } from "../support/program.js";
import { readTerminalQr } from "../support/qr.js";
import {
  behind,
  everythingThrough,
  publicHost,
  publicOrigin,
  reverseProxies,
} from "../support/reverse-proxy.js";
import { lastingPort, withSignIn } from "../support/sign-in.js";
import { startSdk1 } from "../support/sign-in-libraries.js";
import { startTmux, type Tmux } from "../support/tmux.js";

interface Newcomer {
  readonly home: string;
  readonly configPath: string;
  readonly tmux: Tmux;
}

/** Somebody with a new machine and a project, in front of a terminal with our programs on PATH. */
async function withNewcomer(
  { columns, rows }: { readonly columns: number; readonly rows: number },
  run: (newcomer: Newcomer) => Promise<void>,
): Promise<void> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "ctmcp-first-")));
  const bin = join(home, "bin");
  mkdirSync(bin);
  mkdirSync(join(home, "project"));
  writeFileSync(join(home, "project", "hello.txt"), "hello\n");
  for (const name of ["ctmcpd", "ctmcpctl"] as const) {
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${mainOf(name)}' "$@"\n`, {
      mode: 0o755,
    });
  }
  const path = [bin, dirname(process.execPath), process.env.PATH].join(":");
  const tmux = await startTmux({ dir: home, columns, rows, env: { PATH: path } });
  try {
    await run({ home, configPath: join(home, ".config", "coding-tools-mcp.yaml"), tmux });
  } finally {
    await tmux.close();
    rmSync(home, { recursive: true, force: true });
  }
}

test("from nothing to a client that signed in: init, ctmcpd, connect", () =>
  withNewcomer({ columns: 80, rows: 24 }, async ({ home, configPath, tmux }) => {
    const port = await lastingPort();
    await tmux.type(`ctmcpctl init --listen 127.0.0.1:${port}`);
    await tmux.until(/Folder to serve: $/m);
    await tmux.type("no-such-folder");
    for (const answer of ["proxy", publicHost, "read-only"]) {
      await tmux.until(/\]?: \n*$/);
      await tmux.type(answer);
    }
    await tmux.until(/that would not work: .*no-such-folder/s);
    assert.not.ok(existsSync(configPath));
    await tmux.until(/Folder to serve: \n*$/);
    await tmux.type("project");
    await tmux.until(/How clients reach it \[local\]: \n*$/);
    await tmux.type("proxy");
    await tmux.until(/Public host name: \n*$/);
    await tmux.type(publicHost);
    await tmux.until(/What clients may do \[read-only\]: \n*$/);
    await tmux.press("Enter");
    const [, password = ""] = await tmux.until(/password to sign clients in with, shown this once: (\S+)/);
    await tmux.until(/next:\n {2}ctmcpctl install\n {2}ctmcpctl connect\n/);
    assert.not.match(readFileSync(configPath, "utf8"), password);

    const daemon = startProgram(mainOf("ctmcpd"), { env: { HOME: home }, cwd: home });
    try {
      await daemon.until("stderr", /"message":"ready"/);
      await tmux.type("clear; tmux clear-history; ctmcpctl connect; echo code $?");
      await tmux.until(/waiting for a client/);
      assert.is(await readTerminalQr(await tmux.shown(), home), `${publicOrigin}/mcp`);
      const [, nginx] = reverseProxies[0] as (typeof reverseProxies)[0];
      await behind(nginx, { originPort: port }, (agent) =>
        everythingThrough(agent, async () => {
          const owner = {
            browser: createBrowser(),
            readOnly: { password, workspaces: ["project"], profile: "read-only" as const },
          };
          const client = await startSdk1(owner, `${publicOrigin}/mcp`);
          const count = (await client.tools()).length;
          await client.close();
          await tmux.until(/opened the sign-in page\n(.*\n)*.*was allowed in\n.*signed in\n/);
          await tmux.until(new RegExp(`listed ${count} tools\ncode 0\n`));
        }),
      );
    } finally {
      await daemon.kill();
    }
  }));

test("init in a narrow window, left by Ctrl-C, leaves nothing", () =>
  withNewcomer({ columns: 60, rows: 20 }, async ({ home, configPath, tmux }) => {
    await tmux.type("ctmcpctl init; echo code $?");
    await tmux.until(/Folder to serve: \n*$/);
    await tmux.type("project");
    await tmux.until(/How clients reach it \[local\]: \n*$/);
    await tmux.press("C-c");
    await tmux.until(/stopped; nothing was written\ncode 1\n/);
    assert.not.ok(existsSync(configPath));
    assert.not.ok(existsSync(join(home, ".local")));
  }));

test("connect tells what each client does, and why none came", () =>
  withSignIn({}, async (daemon) => {
    const args = ["--config", daemon.configPath, "connect", "--timeout", "60s"];
    const env = { HOME: daemon.dir };
    const connect = startProgram(mainOf("ctmcpctl"), { args, env });
    await connect.until("stderr", /waiting for a client/);
    assert.match(connect.stdout(), `URL: ${daemon.url}\n`);
    assert.match(connect.stdout(), `claude mcp add --transport http my-machine ${daemon.url}\n`);
    assert.not.match(connect.stdout(), /Bearer|█|\nChatGPT\n/);
    assert.match(connect.stdout(), /claude\.ai and ChatGPT need a public URL: ctmcpctl tunnel setup\n$/);
    const agent = { "User-Agent": "Claude-User", "Content-Type": "application/json" };
    assert.is((await fetch(daemon.url, { method: "POST", headers: agent, body: "{}" })).status, 401);
    const client = await startSdk1(daemon, daemon.url);
    const count = (await client.tools()).length;
    await client.close();
    assert.equal(await connect.exit, { code: 0, signal: null });
    const events = connect
      .stdout()
      .split("\n")
      .filter((line) => /^\d\d:\d\d:\d\d {2}/.test(line))
      .map((line) => line.slice(10));
    assert.ok(
      events.some((event) => event.endsWith("signed in")),
      events.join("\n"),
    );
    assert.match(events.at(-1) ?? "", new RegExp(`listed ${count} tools$`));

    const late = startProgram(mainOf("ctmcpctl"), { args: [...args.slice(0, -1), "1s"], env });
    assert.equal(await late.exit, { code: 1, signal: null });
    assert.match(late.stderr(), /no client came|fix: /);
  }));

test.run();
