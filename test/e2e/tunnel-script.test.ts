import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { installFake } from "../fakes/install.js";
import { publicHost, publicOrigin } from "../support/reverse-proxy.js";
import { quickHost, stopWhenUp, withEdge, withMachine } from "../support/script-machine.js";

test("tunnel.sh prints the URL once it is verified, and the token in its first run only", async () => {
  await withMachine(async (machine) => {
    const { bin, own, run, commandLines } = machine;
    installFake(bin, "cloudflared");
    await withEdge(machine, quickHost, async (env) => {
      const first = await stopWhenUp(run("tunnel.sh", ["cf", "my app"], env));
      assert.match(first, new RegExp(`^MCP endpoint {3}https://${quickHost}/mcp$`, "m"));
      const token = readFileSync(join(own, "state/bearer-token"), "utf8").trim();
      assert.is(first.split(token).length, 2, "the token stands there once");
      assert.not.match(await stopWhenUp(run("tunnel.sh", ["cf", "my app"], env)), token);
      assert.not.match(commandLines(), token);
    });
  });
});

test("tunnel.sh keeps the URL it is given; secrets come from outside and stay there", async () => {
  await withMachine(async (machine) => {
    const { bin, own, run, program, commandLines } = machine;
    const real = installFake(bin, "ngrok");
    const script = readFileSync(real, "utf8").replace("#!/bin/sh\n", "");
    program("ngrok", script);
    await withEdge(machine, publicHost, async (env) => {
      const secrets = {
        NGROK_AUTHTOKEN: "authtoken-canary",
        CODING_TOOLS_MCP_OAUTH_PASSWORD: "password-canary",
      };
      const running = run("tunnel.sh", ["ngrok", "my app"], {
        ...env,
        ...secrets,
        CODING_TOOLS_MCP_SERVER_URL: `${publicOrigin}/`,
        CODING_TOOLS_MCP_AUTH_MODE: "oauth",
        CODING_TOOLS_MCP_TOOL_PROFILE: "full",
      });
      const text = await stopWhenUp(running);
      assert.match(text, new RegExp(`^MCP endpoint {3}${publicOrigin}/mcp$`, "m"));
      const config = join(own, "config.yaml");
      assert.is(statSync(config).mode & 0o777, 0o600);
      const { hostname, workspaces, auth } = parse(readFileSync(config, "utf8"));
      assert.equal([hostname, workspaces[0].profile, auth.mode], [publicHost, "full", "oauth"]);
      assert.match(commandLines(), `--url ${publicOrigin}`);
      for (const told of [text, running.stderr(), readFileSync(config, "utf8"), commandLines()])
        assert.not.match(told, /-canary/);
    });
  });
});

test("tunnel.sh makes a password and shows it once", async () => {
  await withMachine(async (machine) => {
    const { bin, run } = machine;
    installFake(bin, "cloudflared");
    await withEdge(machine, quickHost, async (env) => {
      const oauth = { ...env, CODING_TOOLS_MCP_AUTH_MODE: "oauth" };
      const first = await stopWhenUp(run("tunnel.sh", ["cf", "my app"], oauth));
      const [, password = ""] = /^sign in with {3}([a-z]{5}(?:-[a-z]{5}){3})$/m.exec(first) ?? [];
      assert.is.not(password, "");
      assert.not.match(await stopWhenUp(run("tunnel.sh", ["cf", "my app"], oauth)), password);
    });
  });
});

test("tunnel.sh ends with 1, and leaves nothing running, when the provider refuses", async () => {
  await withMachine(async ({ bin, port, run }) => {
    installFake(bin, "cloudflared", "fault CLOUDFLARED_TOKEN_INVALID");
    const env = { CODING_TOOLS_MCP_SERVER_URL: publicOrigin, TUNNEL_TOKEN: "token-canary" };
    const refused = run("tunnel.sh", ["cf", "my app"], env);
    assert.is((await refused.exit).code, 1);
    assert.match(refused.stderr(), /^error: the tunnel \(cloudflared\) is blocked/m);
    assert.not.match(refused.stderr(), /-canary/);
    // Free again: whoever listened there is gone.
    await once(createServer().listen(port, "127.0.0.1").unref(), "listening");
  });
});

test("tunnel.sh ends as the daemon does when that cannot start", async () => {
  await withMachine(async ({ bin, port, run }) => {
    installFake(bin, "cloudflared");
    const other = createServer().listen(port, "127.0.0.1");
    await once(other, "listening");
    const program = run("tunnel.sh", [], { CODING_TOOLS_MCP_WORKSPACE: "my app" });
    const { code } = await program.exit;
    other.close();
    assert.is(code, 69);
    assert.match(program.stderr(), /already in use/);
  });
});

test("tunnel.sh hosts the dev tunnel it is told, for a folder with an odd name", async () => {
  await withMachine(async (machine) => {
    const { home, bin, own, port, run } = machine;
    installFake(bin, "devtunnel");
    const folder = join(home, '"odd" \\ # name');
    mkdirSync(folder);
    const id = `mine-${port}`;
    const host = `x1y2z3-${port}.euw.devtunnels.ms`;
    await withEdge(machine, host, async (env) => {
      const program = run("tunnel.sh", ["ms-devtunnel", folder], { ...env, CODING_TOOLS_MCP_TUNNEL_ID: id });
      assert.match(await stopWhenUp(program), `https://${host}/mcp`);
    });
    const { tunnel, workspaces } = parse(readFileSync(join(own, "config.yaml"), "utf8"));
    assert.equal([tunnel.provider, tunnel.id, workspaces[0].path], ["devtunnel", id, folder]);
  });
});

test("tunnel.sh makes a dev tunnel when it is told none, and keeps to it", async () => {
  await withMachine(async (machine) => {
    const { home, own, port, run, program, commandLines } = machine;
    const fake = installFake(home, "devtunnel");
    const made = join(home, "made");
    // Knows what was made; as a host it goes by the name that the fake of the service wants.
    program(
      "devtunnel",
      `case "$1 $2" in
        "user show" | "access list") ;;
        "port show") grep -q 'port create' '${made}' ;;
        show*) grep -q '^create' '${made}' ;;
        host*) exec '${fake}' host mine-${port} ;;
        *) echo "$*" >>'${made}' ;;
      esac`,
    );
    writeFileSync(made, "");
    await withEdge(machine, `x1y2z3-${port}.euw.devtunnels.ms`, async (env) => {
      for (let start = 0; start < 2; start++)
        await stopWhenUp(run("tunnel.sh", ["devtunnel", "my app"], env));
    });
    const id = readFileSync(join(own, "devtunnel-id"), "utf8").trim();
    assert.match(id, /^coding-tools-mcp-[0-9a-f]{8}$/);
    const lines = commandLines();
    assert.is(lines.split(`devtunnel create ${id} `).length, 2);
    assert.is(lines.split(`devtunnel port create ${id} -p ${port} `).length, 2);
    assert.is(lines.split(`devtunnel host ${id}\n`).length, 3);
  });
});

test.run();
