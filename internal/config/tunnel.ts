import { isAbsolute } from "node:path";
import type { Config, ProgramSecret, TunnelConfig } from "./config.js";
import type { Path } from "./document.js";
import { resolveVariables } from "./exec.js";
import type { RawTunnel } from "./raw.js";
import type { References } from "./references.js";
import type { ResolveContext } from "./resolve.js";
import { resolveSecret } from "./secrets.js";
import { tunnelSchema } from "./tunnel-schema.js";

type Key = keyof RawTunnel;
type Name = TunnelConfig["provider"];

/** The keys each provider takes besides `provider`. */
const keys: Readonly<Record<Name, readonly Key[]>> = {
  none: [],
  ngrok: ["program", "token_file", "token"],
  cloudflared: ["program", "token_file", "token", "id", "credentials_file", "protocol", "ephemeral"],
  devtunnel: ["program", "id"],
  openai: ["program", "id", "token_file", "token", "profile"],
  ssh: ["program", "destination", "port", "remote_host", "remote_port", "identity_file", "known_hosts_file"],
  command: ["argv", "env", "url", "ready_pattern", "ready_url", "down_pattern", "blocked_patterns"],
};

/** Keys without which a provider cannot be started, each with what to write. */
const required: Partial<Record<Name, Partial<Record<Key, string>>>> = {
  devtunnel: { id: "make one with: devtunnel create NAME, and write its name" },
  openai: { id: "write the tunnel's id, tunnel_ and 32 hexadecimal digits" },
  ssh: { destination: "write user@host of your server", remote_port: "write a port that is free there" },
  command: { argv: "write the program and its arguments as a list" },
};

/** Resolves the `tunnel` section. A key that belongs to another provider, and one that is missing, is a problem. */
export function resolveTunnel(
  raw: RawTunnel,
  references: References,
  context: ResolveContext,
): TunnelConfig | undefined {
  const { provider } = raw;
  if (provider === undefined) return undefined;
  checkKeys(provider, raw, context);
  const program = resolveProgram(raw.program, references);
  const path = (key: "credentials_file" | "identity_file" | "known_hosts_file"): string | undefined =>
    references.path(["tunnel", key], raw[key]);
  const secret = (): ProgramSecret | undefined => {
    const without = "write the secret there with mode 0600";
    const { file, value } = resolveSecret(
      { section: "tunnel", name: "token", raw, without },
      references,
      context,
    );
    return value === undefined ? undefined : { file, value };
  };
  switch (provider) {
    case "none":
      return { provider };
    case "ngrok":
      return { provider, program, authtoken: secret() };
    case "cloudflared": {
      const token = secret();
      const credentialsFile = path("credentials_file");
      const { id, protocol = tunnelSchema.properties.protocol.default, ephemeral = false } = raw;
      checkCloudflared(raw, context);
      return { provider, program, token, id, credentialsFile, protocol, ephemeral };
    }
    case "devtunnel":
      return { provider, program, id: raw.id ?? "" };
    case "openai": {
      const { id = "" } = raw;
      if (!/^tunnel_[0-9a-f]{32}$/.test(id))
        context.problem(["tunnel", "id"], `${id} is no tunnel id`, required.openai?.id);
      const apiKey = secret();
      if (raw.token === undefined && raw.token_file === undefined)
        context.problem(["tunnel"], "tunnel.token_file is missing", "name the file that holds the API key");
      return {
        provider,
        program,
        id,
        apiKey: apiKey ?? { file: undefined, value: "" },
        profile: raw.profile,
      };
    }
    case "ssh":
      return {
        provider,
        program,
        destination: raw.destination ?? "",
        port: raw.port,
        remoteHost: raw.remote_host ?? tunnelSchema.properties.remote_host.default,
        remotePort: raw.remote_port ?? 0,
        identityFile: path("identity_file"),
        knownHostsFile: path("known_hosts_file"),
      };
    case "command": {
      const [first = "", ...rest] = (raw.argv ?? []).filter((word) => word !== undefined);
      return {
        provider,
        argv: [first, ...rest],
        env: resolveVariables(raw.env ?? {}, ["tunnel", "env"], references, context),
        url: raw.url?.replace(/\/$/, ""),
        readyPattern: raw.ready_pattern,
        readyUrl: raw.ready_url,
        downPattern: raw.down_pattern,
        blockedPatterns: (raw.blocked_patterns ?? []).filter((pattern) => pattern !== undefined),
      };
    }
  }
}

/** Files with secrets that the tunnel's program reads. */
export function tunnelFiles({ tunnel }: Pick<Config, "tunnel">): readonly string[] {
  const files = (): readonly (string | undefined)[] => {
    switch (tunnel?.provider) {
      case "ngrok":
        return [tunnel.authtoken?.file];
      case "cloudflared":
        return [tunnel.token?.file, tunnel.credentialsFile];
      case "openai":
        return [tunnel.apiKey.file];
      case "ssh":
        return [tunnel.identityFile, tunnel.knownHostsFile];
      default:
        return [];
    }
  };
  return files().filter((file) => file !== undefined);
}

/** The program that is run for the tunnel where it is named by its path, and the key that does so. */
export function tunnelPrograms({
  tunnel,
}: Pick<Config, "tunnel">): readonly { readonly at: Path; readonly path: string }[] {
  if (tunnel === undefined || tunnel.provider === "none") return [];
  const [at, path]: readonly [Path, string | undefined] =
    tunnel.provider === "command"
      ? [["tunnel", "argv", 0], tunnel.argv[0]]
      : [["tunnel", "program"], tunnel.program];
  return path !== undefined && isAbsolute(path) ? [{ at, path }] : [];
}

function checkKeys(provider: Name, raw: RawTunnel, { problem }: ResolveContext): void {
  for (const key of Object.keys(raw) as Key[]) {
    if (key === "provider" || keys[provider].includes(key)) continue;
    const takers = Object.entries(keys).filter(([, taken]) => taken.includes(key));
    problem(
      ["tunnel", key],
      `tunnel.${key} is not for provider ${provider}`,
      `remove it; it is for ${takers.map(([name]) => name).join(", ")}`,
    );
  }
  for (const [key, hint] of Object.entries(required[provider] ?? {}) as [Key, string][]) {
    if (raw[key] === undefined) problem(["tunnel"], `tunnel.${key} is missing`, hint);
  }
}

/** One of three ways: a token, an id with credentials, or a URL that changes. */
function checkCloudflared(raw: RawTunnel, { problem }: ResolveContext): void {
  const named = raw.token !== undefined || raw.token_file !== undefined;
  const ways = [named, raw.id !== undefined, raw.ephemeral === true].filter(Boolean).length;
  const hint =
    "write token_file, or id and credentials_file, or ephemeral: true for a URL that changes at each start";
  if (ways === 0) problem(["tunnel"], "nothing says which tunnel cloudflared is to run", hint);
  if (ways > 1) problem(["tunnel"], "several ways of running cloudflared are given", hint);
  if (raw.credentials_file !== undefined && raw.id === undefined)
    problem(["tunnel"], "tunnel.id is missing", "write the id of the tunnel that the credentials are of");
  if (raw.id !== undefined && raw.credentials_file === undefined)
    problem(
      ["tunnel"],
      "tunnel.credentials_file is missing",
      "name the file that cloudflared tunnel create made",
    );
}

/** A name without a slash is looked for in PATH. */
function resolveProgram(text: string | undefined, references: References): string | undefined {
  return text?.includes("/") ? references.path(["tunnel", "program"], text) : text;
}
