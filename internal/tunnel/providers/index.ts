import type { TunnelConfig } from "../../config/config.js";
import type { Provider } from "../types.js";
import { cloudflared } from "./cloudflared.js";
import { command } from "./command.js";
import { devtunnel } from "./devtunnel.js";
import { ngrok } from "./ngrok.js";
import { none } from "./none.js";
import { openai } from "./openai.js";
import { ssh } from "./ssh.js";

/** The provider that a configuration names. It counts failing starts, so it is made once for a configuration. */
export function providerOf(config: TunnelConfig): Provider {
  switch (config.provider) {
    case "none":
      return none();
    case "ngrok":
      return ngrok(config);
    case "cloudflared":
      return cloudflared(config);
    case "devtunnel":
      return devtunnel(config);
    case "openai":
      return openai(config);
    case "ssh":
      return ssh(config);
    case "command":
      return command(config);
  }
}

/** The secrets a configuration gives to a provider's program, for taking them out of what it prints. */
export function secretsOf(config: TunnelConfig): string[] {
  switch (config.provider) {
    case "ngrok":
      return config.authtoken === undefined ? [] : [config.authtoken.value];
    case "cloudflared":
      return config.token === undefined ? [] : [config.token.value];
    case "openai":
      return [config.apiKey.value];
    case "command":
      // Shorter ones, like 1 or yes, are settings and stand everywhere.
      return Object.values(config.env).filter((value) => value.length >= 8);
    default:
      return [];
  }
}
