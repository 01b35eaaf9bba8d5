import type { FakeName } from "./install.js";

/** The exit code with which the real program ends once it has said so; `goes on`: it tries by itself, or serves on. */
export type Ending = number | "goes on";

/**
 * How each row of a provider's fault table ends, by its code. ngrok's taken address was measured, with agent 2.3.41; that
 * cloudflared and tunnel-client try again by themselves is in their documentation. The 1 of the others is what programs
 * of their kind end with: no vendor documents it, and nothing of ours may hang on it.
 */
export const endings: Readonly<Record<FakeName, Readonly<Record<string, Ending>>>> = {
  ngrok: {
    ERR_NGROK_105: 1,
    ERR_NGROK_107: 1,
    ERR_NGROK_300: 1,
    ERR_NGROK_4018: 1,
    ERR_NGROK_108: 1,
    ERR_NGROK_120: 1,
    ERR_NGROK_121: 1,
    ERR_NGROK_313: 1,
    ERR_NGROK_314: 1,
    ERR_NGROK_319: 1,
    ERR_NGROK_320: 1,
    ERR_NGROK_15013: 1,
    ERR_NGROK_334: 1,
    ERR_NGROK_726: 1,
    ERR_NGROK_727: 1,
    ERR_NGROK_9009: 1,
    NGROK_TOO_OLD: 1,
    NGROK_ADDRESS_IN_USE: 1,
  },
  cloudflared: {
    CLOUDFLARED_TOKEN_INVALID: 1,
    CLOUDFLARED_TOKEN_UNREADABLE: 1,
    CLOUDFLARED_CREDENTIALS_MISSING: 1,
    CLOUDFLARED_CREDENTIALS_INVALID: 1,
    CLOUDFLARED_LOGIN_MISSING: 1,
    CLOUDFLARED_TUNNEL_UNKNOWN: 1,
    CLOUDFLARED_UNAUTHORIZED: "goes on",
    CLOUDFLARED_QUIC_BLOCKED: "goes on",
    CLOUDFLARED_ORIGIN_UNREACHABLE: "goes on",
  },
  devtunnel: {
    DEVTUNNEL_OTHER_HOST: 1,
    DEVTUNNEL_LOGIN_MISSING: 1,
    DEVTUNNEL_UNKNOWN: 1,
    DEVTUNNEL_LIMIT: 1,
    DEVTUNNEL_ARGUMENTS: 1,
  },
  "tunnel-client": {
    OPENAI_KEY_MISSING: 1,
    OPENAI_TUNNEL_ID: 1,
    OPENAI_SERVER_URL: 1,
    OPENAI_KEY_REFUSED: "goes on",
    OPENAI_TUNNEL_UNKNOWN: "goes on",
    OPENAI_UNREACHABLE: "goes on",
    OPENAI_CHANNEL: "goes on",
    OPENAI_DISCOVERY_FAILED: "goes on",
    OPENAI_PROBE_FAILED: "goes on",
    OPENAI_PROBE_SLOW: "goes on",
  },
};

/** Without a fault: cloudflared has replaced itself by a newer version, and wants to be started again. */
export const updatedCode = 11;
