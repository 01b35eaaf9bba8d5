import type { AuthMode } from "../../../internal/config/config.js";

/** What a client is told to find the daemon. */
export interface Target {
  readonly url: string;
  /** False: only programs on this machine get there. */
  readonly isPublic: boolean;
  readonly mode: AuthMode;
  /** File with the bearer token; undefined where there is none, or none that can be named. */
  readonly tokenFile: string | undefined;
}

/** How one client is connected. Menus and flags as their vendors document them; see docs/clients.md. */
export interface Recipe {
  /** What `connect` takes. */
  readonly id: string;
  readonly title: string;
  /** It runs in its vendor's cloud: it needs a public URL, and signs in. */
  readonly isHosted?: boolean;
  /** User agents by which it is known. */
  readonly agent: RegExp;
  /** What to do, line by line. */
  readonly lines: (target: Target) => readonly string[];
}

/** The name that people see in the client; without an underscore, which Gemini CLI does not take. */
const serverName = "my-machine";

export const recipes: readonly Recipe[] = [
  {
    id: "claude",
    title: "claude.ai, Claude Desktop",
    isHosted: true,
    agent: /^claude-user/i,
    lines: ({ url }) => [
      "Settings > Connectors > Add custom connector",
      `Name ${serverName}, URL ${url}`,
      "then Connect, and sign in",
    ],
  },
  {
    id: "chatgpt",
    title: "ChatGPT",
    isHosted: true,
    agent: /^openai-mcp|^python.*aiohttp/i,
    lines: ({ url }) => [
      "Settings > Apps & Connectors > Advanced settings: Developer mode on; then Create",
      `Name ${serverName}, MCP Server URL ${url}, Authentication OAuth`,
    ],
  },
  {
    id: "claude-code",
    title: "Claude Code",
    agent: /^claude-code/i,
    lines: ({ url, mode, tokenFile }) => [
      `claude mcp add --transport http ${serverName} ${url}${header(mode, tokenFile, "Authorization: Bearer ")}`,
      ...signIn(mode, "then in a session: /mcp"),
    ],
  },
  {
    id: "cursor",
    title: "Cursor",
    agent: /cursor/i,
    lines: ({ url, mode }) => [
      `~/.cursor/mcp.json: ${JSON.stringify({ mcpServers: { [serverName]: { url, ...headers(mode) } } })}`,
      ...signIn(mode, "then Settings > MCP: sign in"),
    ],
  },
  {
    id: "vscode",
    title: "VS Code",
    agent: /visual studio code|vscode/i,
    lines: ({ url, mode }) => [
      `.vscode/mcp.json: ${JSON.stringify({ servers: { [serverName]: { type: "http", url, ...headers(mode) } } })}`,
      ...signIn(mode, "then start the server there, and sign in"),
    ],
  },
  {
    id: "codex",
    title: "Codex",
    agent: /codex/i,
    lines: ({ url, mode, tokenFile }) => [
      `~/.codex/config.toml: [mcp_servers.${serverName}]`,
      `                      url = "${url}"`,
      ...(usesToken(mode)
        ? [
            '                      bearer_token_env_var = "CTMCP_TOKEN"',
            `and in its environment: export CTMCP_TOKEN="${tokenOf(tokenFile)}"`,
          ]
        : signIn(mode, `then: codex mcp login ${serverName}`)),
    ],
  },
  {
    id: "gemini",
    title: "Gemini CLI",
    agent: /gemini/i,
    lines: ({ url, mode, tokenFile }) => [
      `gemini mcp add --transport http ${serverName} ${url}${header(mode, tokenFile, "Authorization: Bearer ")}`,
      ...signIn(mode, `then in a session: /mcp auth ${serverName}`),
    ],
  },
  {
    id: "mcp-remote",
    title: "any client that starts a program",
    agent: /mcp-remote/i,
    lines: ({ url, mode, tokenFile }) => [
      // No space behind the colon: some clients split arguments at spaces.
      `npx mcp-remote ${url}${header(mode, tokenFile, "Authorization:Bearer ")}`,
    ],
  },
];

/** The name of a client by its user agent; the agent itself where it is not one of ours. */
export function clientName(userAgent: string): string {
  const known = recipes.find(({ agent }) => agent.test(userAgent));
  return (
    (known?.id === "mcp-remote" ? "mcp-remote" : known?.title) ?? (userAgent || "a client that gives no name")
  );
}

function usesToken(mode: AuthMode): boolean {
  return mode === "bearer";
}

/** The flag that carries the token, which the shell reads when the command is run. */
function header(mode: AuthMode, tokenFile: string | undefined, prefix: string): string {
  return usesToken(mode) ? ` --header "${prefix}${tokenOf(tokenFile)}"` : "";
}

function headers(mode: AuthMode): { readonly headers?: object } {
  return usesToken(mode) ? { headers: { Authorization: "Bearer TOKEN" } } : {};
}

function tokenOf(tokenFile: string | undefined): string {
  return tokenFile === undefined ? "TOKEN" : `$(cat ${tokenFile})`;
}

function signIn(mode: AuthMode, line: string): readonly string[] {
  return mode.startsWith("oauth") ? [line] : [];
}
