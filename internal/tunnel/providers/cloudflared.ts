import { stringify } from "yaml";
import { cloudflaredFaults } from "../faults/cloudflared.js";
import type { LaunchContext, Provider, Sign } from "../types.js";
import { askLocal, type LocalAnswer } from "./ask.js";
import { createFaultReader } from "./fault-reader.js";
import {
  type ConfigOf,
  environmentOf,
  originOf,
  requireHostname,
  requireProgram,
  writePrivateFile,
} from "./launch.js";
import { recordOf } from "./records.js";

/** Which tunnel is run. `dashboard`: its settings are kept at the vendor; `local`: we write them. */
export type CloudflaredMode =
  | { readonly kind: "dashboard"; readonly tokenFile: string | undefined }
  | { readonly kind: "local"; readonly id: string; readonly credentialsFile: string | undefined }
  | { readonly kind: "quick" };

/** Before its name ends with this a host is known to be one of a quick tunnel. */
const quickDomain = /^[a-z0-9-]+\.trycloudflare\.com$/;

/** The settings file: always one of ours, so that one in the home directory is not read. */
export function cloudflaredSettings(mode: CloudflaredMode, { hostname, origin }: CloudflaredRoute): string {
  if (mode.kind !== "local") return stringify({ "no-autoupdate": true });
  return stringify({
    tunnel: mode.id,
    ...(mode.credentialsFile === undefined ? {} : { "credentials-file": mode.credentialsFile }),
    ingress: [{ hostname, service: origin }, { service: "http_status:404" }],
  });
}

interface CloudflaredRoute {
  readonly hostname: string | undefined;
  readonly origin: string;
}

/** Arguments; those of the tunnel stand before `run`, or are not understood. */
export function cloudflaredArguments(mode: CloudflaredMode, start: CloudflaredStart): string[] {
  const { config, metrics, protocol, origin } = start;
  const common = ["tunnel", "--no-autoupdate", "--config", config, "--metrics", metrics];
  // The supervisor waits 10 s before it kills, less than cloudflared takes to drain by default.
  common.push("--grace-period", "5s");
  if (protocol !== "auto") common.push("--protocol", protocol);
  switch (mode.kind) {
    case "dashboard":
      return [...common, "run", ...(mode.tokenFile === undefined ? [] : ["--token-file", mode.tokenFile])];
    case "local":
      return [...common, "run", mode.id];
    case "quick":
      return [...common, "--url", origin];
  }
}

interface CloudflaredStart {
  /** Path of the settings. */
  readonly config: string;
  /** Address for its own endpoints. */
  readonly metrics: string;
  readonly protocol: "auto" | "quic" | "http2";
  readonly origin: string;
}

/** What the endpoint `/ready` tells: 200 with at least one connection to the edge, 503 with none. */
export function cloudflaredSign(ready: LocalAnswer | undefined): Sign | undefined {
  if (ready?.status === 200) return { kind: "ready" };
  return ready?.status === 503 ? { kind: "down" } : undefined;
}

/** The address of a quick tunnel from the endpoint `/quicktunnel`, or undefined before it has one. */
export function quickUrl(answer: LocalAnswer | undefined): string | undefined {
  const hostname = recordOf(answer?.body ?? "")?.hostname;
  return typeof hostname === "string" && quickDomain.test(hostname) ? `https://${hostname}` : undefined;
}

/**
 * What is wrong with the routes of a tunnel whose settings are kept at the vendor: cloudflared logs them whenever it gets
 * them. Undefined for other lines, and when requests for `hostname` are sent to `origin`.
 */
export function routeSign(line: string, { hostname, origin }: CloudflaredRoute): Sign | undefined {
  const record = recordOf(line);
  if (hostname === undefined || record?.message !== "Updated to new configuration") return undefined;
  const { ingress } = recordOf(String(record.config)) ?? {};
  const rules: readonly (Route | null)[] = Array.isArray(ingress) ? ingress : [];
  const rule = rules.find((candidate) => serves(candidate?.hostname, hostname));
  if (rule && portOf(rule.service) === portOf(origin)) return undefined;
  return {
    kind: "fault",
    fault: {
      code: "CLOUDFLARED_ROUTE",
      class: "degraded",
      text: `the tunnel's settings at Cloudflare do not send ${hostname} to ${origin}`,
      hint: `at https://one.dash.cloudflare.com make ${origin} the service of the public hostname ${hostname}`,
    },
  };
}

interface Route {
  readonly hostname?: unknown;
  readonly service?: unknown;
}

/** A rule without a name, or with a wildcard, serves all that come to it. */
function serves(pattern: unknown, hostname: string): boolean {
  if (pattern === undefined || pattern === "" || pattern === hostname) return true;
  return typeof pattern === "string" && pattern.startsWith("*.") && hostname.endsWith(pattern.slice(1));
}

/** The port of an http URL, undefined for what is none. */
function portOf(service: unknown): string | undefined {
  const text = String(service);
  return text.startsWith("http://") && URL.canParse(text) ? new URL(text).port : undefined;
}

/** Cloudflare's connector: a tunnel by its token, by its credentials, or a quick one whose URL changes. */
export function cloudflared(config: ConfigOf<"cloudflared">): Provider {
  const { program = "cloudflared", token, protocol } = config;
  const mode = modeOf(config);
  const faults = createFaultReader(cloudflaredFaults);
  return {
    isStable: mode.kind !== "quick",
    program,
    faults: cloudflaredFaults,
    async launch(context: LaunchContext) {
      const hostname = mode.kind === "local" ? requireHostname(context) : context.hostname;
      const path = await requireProgram(program, context, install);
      const origin = originOf(context);
      const settings = cloudflaredSettings(mode, { hostname, origin });
      const file = await writePrivateFile(context.directory, "cloudflared.yml", settings);
      const metrics = `127.0.0.1:${await context.freePort()}`;
      const extra: Record<string, string> = {
        TUNNEL_LOG_OUTPUT: "json",
        TUNNEL_MANAGEMENT_DIAGNOSTICS: "false",
      };
      // A token that is in no file is not written to one.
      if (token !== undefined && token.file === undefined) extra.TUNNEL_TOKEN = token.value;
      const readFault = faults.start();
      return {
        argv: [path, ...cloudflaredArguments(mode, { config: file, metrics, protocol, origin })],
        env: environmentOf(context, { extra }),
        readSign: (line) => readFault(line) ?? routeSign(line, { hostname, origin }),
        async poll(signal) {
          const sign = cloudflaredSign(await askLocal(`http://${metrics}/ready`, signal));
          if (mode.kind !== "quick" || sign?.kind !== "ready") return sign;
          const url = quickUrl(await askLocal(`http://${metrics}/quicktunnel`, signal));
          return url === undefined ? undefined : { kind: "ready", url };
        },
      };
    },
  };
}

const install = "install it as https://developers.cloudflare.com/tunnel/downloads/ says";

function modeOf({ token, id, credentialsFile }: ConfigOf<"cloudflared">): CloudflaredMode {
  if (token !== undefined) return { kind: "dashboard", tokenFile: token.file };
  return id === undefined ? { kind: "quick" } : { kind: "local", id, credentialsFile };
}
