import { address, duration, paths, profile, reference } from "./schema-parts.js";
import { tunnelSchema } from "./tunnel-schema.js";

/**
 * What a config file may hold: the one source for the loader, for the schema that editors read and for the key table
 * in the documentation. Patterns that fail are put into words in `explain.ts`.
 */

export const configSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "coding-tools-mcp configuration",
  type: "object",
  required: ["version", "workspaces"],
  additionalProperties: false,
  properties: {
    version: { const: 1, description: "Version of this file's format." },
    hostname: {
      type: "string",
      pattern:
        "^(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
      description:
        "Public host name under which clients reach the daemon, as in https://HOSTNAME/mcp. No scheme, port or path.",
    },
    listen: {
      ...address,
      default: "127.0.0.1:8765",
      description:
        "IP address and port of the HTTP listener; an IPv6 address in brackets. Port 0 takes any free port.",
    },
    profile: {
      ...profile,
      default: "read-only",
      description: "What clients may do in a workspace that has no profile of its own.",
    },
    workspaces: {
      type: "array",
      minItems: 1,
      description: "Folders that clients can work in. The first one is the default.",
      items: {
        type: "object",
        required: ["path"],
        additionalProperties: false,
        properties: {
          id: {
            type: "string",
            pattern: "^[a-z0-9][a-z0-9-]{0,31}$",
            description: "Name by which clients choose this workspace.",
          },
          path: {
            type: "string",
            minLength: 1,
            description: "The folder. Your home directory, what lies above it, and / are refused.",
          },
          profile: {
            ...profile,
            description: "The most any client may do here.",
          },
          exec: {
            type: "object",
            additionalProperties: false,
            default: {},
            description: "What commands in this workspace get besides the rest.",
            properties: {
              path: {
                ...paths,
                description:
                  "Folders that are searched for programs before those of your login shell's PATH.",
              },
              env: {
                type: "object",
                patternProperties: { "^[A-Za-z_][A-Za-z0-9_]*$": { type: "string" } },
                additionalProperties: false,
                default: {},
                description: `Variables by name. A value is text, or "\${env:NAME}" and nothing else. Variables that load code, such as NODE_OPTIONS, are refused.`,
              },
            },
          },
        },
      },
    },
    auth: {
      type: "object",
      additionalProperties: false,
      default: {},
      description: "How clients prove who they are.",
      properties: {
        mode: {
          type: "string",
          enum: ["oauth", "bearer", "oauth+bearer", "none"],
          default: "bearer",
          description:
            "oauth: clients send you to a page that asks for your password. bearer: one secret token. oauth+bearer: either. none: nobody is asked; only on a loopback address without hostname and tunnel.",
        },
        token_file: {
          type: "string",
          minLength: 1,
          description: "File that holds the bearer token, readable by its owner only.",
        },
        token: {
          ...reference,
          description: `The bearer token as a reference: "\${env:NAME}", "\${credential:NAME}" (systemd) or "\${keychain:NAME}" (macOS); the token itself never stands in this file.`,
        },
        password_file: {
          type: "string",
          minLength: 1,
          description: "File that holds the password of the sign-in page, readable by its owner only.",
        },
        password: {
          ...reference,
          description: `That password as a reference, like token.`,
        },
        access_token_ttl: {
          ...duration,
          default: "24h",
          description:
            "How long a client works before it renews its access: a number and s, m, h or d, from 1m to 7d. Taking access back never waits for it.",
        },
        refresh_token_ttl: {
          ...duration,
          default: "90d",
          description: "How long a client that is not used stays signed in, from 1h to 1000d.",
        },
        refresh_grace: {
          ...duration,
          default: "2m",
          description:
            "How long a client that renewed its access may ask for the same again, as it does when an answer was lost; later it is signed out, as a thief would be. From 0s to 1d.",
        },
        redirect_uris: {
          type: "array",
          default: [],
          items: { type: "string", pattern: "^[A-Za-z][A-Za-z0-9+.-]*:\\S+$" },
          description:
            "Further addresses of apps, such as com.example.app:/callback, to which the sign-in page may return. Web and loopback addresses need none.",
        },
      },
    },
    tunnel: tunnelSchema,
    allowed_origins: {
      type: "array",
      default: [],
      description: "Further web origins whose pages may call the daemon, as in https://app.example.com.",
      items: { type: "string", pattern: "^[A-Za-z][A-Za-z0-9+.-]*://[^\\s/?#@]+$" },
    },
    limits: {
      type: "object",
      additionalProperties: false,
      default: {},
      description: "How much clients may ask for.",
      properties: {
        calls_per_second: {
          type: "number",
          exclusiveMinimum: 0,
          maximum: 100_000,
          default: 50,
          description: "Tool calls a second each client may make on average.",
        },
        burst: {
          type: "integer",
          minimum: 1,
          maximum: 1_000_000,
          default: 200,
          description: "Tool calls a client may make at once before the average counts.",
        },
        concurrent_calls: {
          type: "integer",
          minimum: 1,
          maximum: 10_000,
          default: 16,
          description:
            "Tool calls of one client that may run or wait at the same time; quick and heavy ones count apart.",
        },
        heavy_calls: {
          type: "integer",
          minimum: 1,
          maximum: 1_000,
          description: "Searches and listings of all clients that run at the same time; more of them queue.",
        },
        connections: {
          type: "integer",
          minimum: 1,
          maximum: 65_535,
          default: 512,
          description: "Open connections; more are refused.",
        },
      },
    },
    exec: {
      type: "object",
      additionalProperties: false,
      default: {},
      description: "How commands run.",
      properties: {
        permission_mode: {
          type: "string",
          enum: ["safe", "trusted", "dangerous"],
          default: "safe",
          description:
            "safe: network, inline scripts and shell expansions need a permission. trusted: only destructive commands, sudo and the like do. dangerous: nothing does.",
        },
        approvals: {
          type: "string",
          enum: ["owner", "client"],
          default: "owner",
          description:
            "Who may grant a permission. owner: you, with ctmcpctl approve. client: also a client that can ask its user; such an answer is the client's word, which nobody checks.",
        },
        sandbox: {
          type: "object",
          additionalProperties: false,
          default: {},
          description: "What commands can reach.",
          properties: {
            minimum: {
              type: "string",
              enum: ["strong", "namespaces", "filesystem-only", "none"],
              default: "strong",
              description: "The weakest sandbox in which commands still run. none: they may run without any.",
            },
            network: {
              type: "string",
              enum: ["none", "host"],
              default: "none",
              description:
                "none: commands of one workspace reach each other, and nothing else. host: everything this machine reaches.",
            },
            read: {
              ...paths,
              description: "Further files and folders that commands may read.",
            },
            write: {
              ...paths,
              description:
                "Further files and folders that commands may change. Your home directory, what lies above it, and / are refused.",
            },
          },
        },
      },
    },
    view_image: {
      type: "boolean",
      default: true,
      description: "Offer the tool that shows images.",
    },
    log: {
      type: "object",
      additionalProperties: false,
      default: {},
      description: "What the daemon logs.",
      properties: {
        level: {
          type: "string",
          enum: ["debug", "info", "notice", "warning", "error"],
          default: "info",
          description: "The least severity that is logged.",
        },
      },
    },
    audit: {
      type: "object",
      additionalProperties: false,
      default: {},
      description: "The record of what clients did, in the state directory.",
      properties: {
        max_file_mb: {
          type: "integer",
          minimum: 1,
          maximum: 1024,
          default: 16,
          description: "MiB after which another file is begun.",
        },
        keep: {
          type: "integer",
          minimum: 2,
          maximum: 10_000,
          default: 8,
          description: "Files that are kept; the oldest is removed then.",
        },
      },
    },
    metrics: {
      type: "object",
      additionalProperties: false,
      default: {},
      description: "Numbers for Prometheus; ctmcpctl metrics shows them always.",
      properties: {
        listen: {
          ...address,
          description: "Loopback address that serves GET /metrics to every program of this machine.",
        },
      },
    },
    state_dir: {
      type: "string",
      minLength: 1,
      description: "Directory for secrets and other state, made with mode 0700.",
    },
    runtime_dir: {
      type: "string",
      minLength: 1,
      description: "Directory of the admin socket, made with mode 0700.",
    },
  },
} as const;

/** Defaults that depend on the machine or on other keys, in words, by key. */
export const derivedDefaults: Readonly<Record<string, string>> = {
  hostname: "none: loopback only",
  "workspaces[].id": "made from the folder's name",
  "workspaces[].profile": "that of the key `profile`",
  "auth.token_file": "a token generated into `state_dir`",
  "auth.token": "none",
  "auth.password_file": "the password that `ctmcpctl rotate-secret password` has set",
  "auth.password": "none",
  "metrics.listen": "none",
  tunnel: "none",
  "tunnel.program": "the provider's own name",
  "tunnel.id": "none",
  "tunnel.token_file": "none",
  "tunnel.token": "none",
  "tunnel.profile": "none: they sign in",
  "tunnel.credentials_file": "none",
  "tunnel.destination": "none",
  "tunnel.port": "that of your ssh configuration, else 22",
  "tunnel.remote_port": "none",
  "tunnel.identity_file": "those of your ssh configuration",
  "tunnel.known_hosts_file": "`~/.ssh/known_hosts`",
  "tunnel.argv": "none",
  "tunnel.url": "https://HOSTNAME",
  "tunnel.ready_pattern": "none",
  "tunnel.ready_url": "none",
  "tunnel.down_pattern": "none",
  "limits.heavy_calls": "number of CPUs",
  state_dir:
    "`$STATE_DIRECTORY`, else `$XDG_STATE_HOME/coding-tools-mcp` (`~/.local/state/coding-tools-mcp`)",
  runtime_dir:
    "`$RUNTIME_DIRECTORY`, else `$XDG_RUNTIME_DIR/coding-tools-mcp`, on macOS `~/Library/Application Support/coding-tools-mcp`, else `state_dir`",
};
