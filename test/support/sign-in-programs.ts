import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { suiteNode, suitePackages } from "../conformance/suite.js";
import { makeBrowserProgram } from "./browser.js";
import type { Json } from "./mcp-harness.js";
import { startProgram } from "./program.js";
import { lastingPort } from "./sign-in.js";
import type { StartClient } from "./sign-in-libraries.js";

const require = createRequire(import.meta.url);
const inspector = "@modelcontextprotocol/inspector/clients/cli/build/index.js";

/** The bridge for clients that speak stdio only. One process for the whole test. */
export const startMcpRemote: StartClient = async (daemon, url) => {
  const { dir } = daemon;
  const browser = makeBrowserProgram(dir, daemon.readOnly);
  const folder = join(dir, "mcp-remote");
  const client = new Client({ name: "e2e", version: "1.0.0" });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [
      join(dirname(require.resolve("mcp-remote/package.json")), "dist", "proxy.js"),
      url,
      "--transport",
      "http-only",
    ],
    env: { PATH: process.env.PATH ?? "", HOME: dir, MCP_REMOTE_CONFIG_DIR: folder, BROWSER: browser.path },
    stderr: "ignore",
  });
  await client.connect(transport);
  const tokensFile = (): string => {
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    return join(folder, names.find((name) => name.endsWith("_tokens.json")) ?? "");
  };
  const tokens = (): Json => JSON.parse(readFileSync(tokensFile(), "utf8"));
  return {
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    signIns: browser.uses,
    tokens,
    spoilAccess: () => writeFileSync(tokensFile(), JSON.stringify({ ...tokens(), access_token: "expired" })),
    close: () => client.close(),
  };
};

/** The Inspector's command line. A process for each request. */
export const startInspector: StartClient = async (daemon, url) => {
  const { dir } = daemon;
  const browser = makeBrowserProgram(dir, daemon.readOnly);
  const folder = join(dir, "inspector");
  // Its own choice is a fixed port, which two runs of this test would want at once.
  const callback = `http://127.0.0.1:${await lastingPort()}/oauth/callback`;
  const secretsFile = join(folder, "secrets.json");
  const secrets = (): Json => JSON.parse(readFileSync(secretsFile, "utf8"));
  const tokens = (): Json => JSON.parse(Object.values<string>(secrets().secrets)[0] ?? "");
  return {
    async tools() {
      const program = startProgram(join(suitePackages, inspector), {
        node: suiteNode(),
        args: ["--server-url", url, "--transport", "http", "--method", "tools/list", "--format", "json"],
        env: {
          HOME: dir,
          BROWSER: browser.path,
          MCP_AUTO_OPEN_ENABLED: "true",
          MCP_OAUTH_CALLBACK_URL: callback,
          MCP_INSPECTOR_SECRET_STORE: "file",
          MCP_STORAGE_DIR: folder,
        },
        cwd: dir,
      });
      const { code } = await program.exit;
      if (code !== 0) throw new Error(`the Inspector ended with ${code}: ${program.stderr()}`);
      return JSON.parse(program.stdout()).result.tools.map(({ name }: Json) => name);
    },
    signIns: browser.uses,
    tokens,
    spoilAccess() {
      const { secrets: kept, ...rest } = secrets();
      const [name = ""] = Object.keys(kept);
      const spoiled = JSON.stringify({ ...tokens(), access_token: "expired" });
      writeFileSync(secretsFile, JSON.stringify({ ...rest, secrets: { ...kept, [name]: spoiled } }));
    },
    close: async () => {},
  };
};
