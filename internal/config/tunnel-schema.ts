import { reference } from "./schema-parts.js";

/** What the `tunnel` section may hold. Which keys belong to which provider is checked when it is resolved. */
export const tunnelSchema = {
  type: "object",
  required: ["provider"],
  additionalProperties: false,
  description: "Who carries requests from hostname to the listener.",
  properties: {
    provider: {
      type: "string",
      enum: ["ngrok", "cloudflared", "devtunnel", "openai", "ssh", "command", "none"],
      description:
        "Whose program the daemon runs. command: any other one. none: a tunnel or proxy that somebody else runs.",
    },
    program: {
      type: "string",
      minLength: 1,
      description: "The provider's program, when it is not found in your PATH by its usual name.",
    },
    id: {
      type: "string",
      pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
      description: "cloudflared, devtunnel, openai: id of the tunnel.",
    },
    token_file: {
      type: "string",
      minLength: 1,
      description:
        "ngrok, cloudflared, openai: file with the authtoken, tunnel token or API key, readable by its owner only.",
    },
    token: {
      ...reference,
      description: `The same as a reference, as for auth.token.`,
    },
    profile: {
      type: "string",
      enum: ["read-only", "full"],
      description:
        "openai: what requests of the tunnel may do without a sign-in, in all workspaces. Whoever may use it at OpenAI can send them.",
    },
    credentials_file: {
      type: "string",
      minLength: 1,
      description: "cloudflared: the tunnel's credentials, when its settings are not kept at Cloudflare.",
    },
    protocol: {
      type: "string",
      enum: ["auto", "quic", "http2"],
      default: "auto",
      description: "cloudflared: http2 where the network blocks UDP port 7844.",
    },
    ephemeral: {
      type: "boolean",
      default: false,
      description:
        "cloudflared: take a new URL at each start, for a demonstration; every client has to be added again then.",
    },
    destination: {
      type: "string",
      pattern: "^[^\\s-][^\\s]*$",
      description: "ssh: user@host of your server, or a host of your ssh configuration.",
    },
    port: { type: "integer", minimum: 1, maximum: 65_535, description: "ssh: port of your server." },
    remote_host: {
      type: "string",
      pattern: "^[0-9A-Za-z.:-]{1,253}$",
      default: "127.0.0.1",
      description: "ssh: address on which your server listens for the daemon.",
    },
    remote_port: {
      type: "integer",
      minimum: 1,
      maximum: 65_535,
      description: "ssh: port on which your server listens for the daemon.",
    },
    identity_file: {
      type: "string",
      minLength: 1,
      description: "ssh: private key without a passphrase, or one that your agent holds.",
    },
    known_hosts_file: {
      type: "string",
      minLength: 1,
      description: "ssh: file with your server's key; unknown keys are refused.",
    },
    argv: {
      type: "array",
      minItems: 1,
      items: { type: "string" },
      description: `command: program and arguments, no shell. {port} stands for the listener's port.`,
    },
    env: {
      type: "object",
      patternProperties: { "^[A-Za-z_][A-Za-z0-9_]*$": { type: "string" } },
      additionalProperties: false,
      default: {},
      description: `command: variables by name; a value is text, or "\${env:NAME}" and nothing else.`,
    },
    url: {
      type: "string",
      pattern: "^https://[^\\s/?#@]+/?$",
      description: "command: the public URL, when it is not https://HOSTNAME.",
    },
    ready_pattern: {
      type: "string",
      minLength: 1,
      maxLength: 500,
      description: "command: a line that matches says that the tunnel is up.",
    },
    ready_url: {
      type: "string",
      pattern: "^http://(?:127\\.0\\.0\\.1|localhost|\\[::1\\]):[0-9]{1,5}/\\S*$",
      description: "command: a local address that answers 200 when the tunnel is up.",
    },
    down_pattern: {
      type: "string",
      minLength: 1,
      maxLength: 500,
      description: "command: a line that matches says that the tunnel is down and tries by itself.",
    },
    blocked_patterns: {
      type: "array",
      default: [],
      items: { type: "string", minLength: 1, maxLength: 500 },
      description: "command: a line that matches says that trying again cannot help.",
    },
  },
} as const;
