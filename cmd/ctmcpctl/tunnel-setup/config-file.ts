import { readFile, realpath, rm, stat } from "node:fs/promises";
import { type Document, isMap, parseDocument } from "yaml";
import type { Config } from "../../../internal/config/config.js";
import { loadConfig } from "../../../internal/config/load.js";
import { Fault } from "../../../internal/errs/errs.js";
import { writeFileAtomic } from "../../../internal/fsx/atomic.js";
import type { Context } from "../context.js";
import { remarkWarnings, withDraft } from "../draft.js";

/** What the config is to say. */
export interface TunnelEntry {
  /** Undefined: the provider chooses the name, and the config has none. */
  readonly hostname: string | undefined;
  /** The whole `tunnel` section. */
  readonly tunnel: Readonly<Record<string, string | number>>;
  /** A secret that the section names, to be written with it. */
  readonly secret?: { readonly path: string; readonly text: string } | undefined;
}

/**
 * The config as it will be, but for the tunnel itself: whatever else stands against one shows before anything is made.
 * Throws CONFIG_MISSING, and CONFIG_INVALID with what is wrong.
 */
export async function checkBase(context: Context): Promise<Config> {
  const { hostname } = context.flags;
  const document = await read(context);
  if (hostname !== undefined) put(document, "hostname", hostname);
  put(document, "tunnel", document.createNode({ provider: "none" }));
  return withDraft(context, textOf(document), async (_, { config }) => config);
}

/**
 * Writes hostname and tunnel into the config. The rest stays, comments included, but for those inside the section of
 * another provider, which are about that one. The daemon would accept what is written, or nothing is.
 */
export async function writeEntry(context: Context, { hostname, tunnel, secret }: TunnelEntry): Promise<void> {
  // Read once more, because the owner may have edited it while a login page was open.
  const document = await read(context);
  if (hostname === undefined) document.delete("hostname");
  else put(document, "hostname", hostname);
  putTunnel(document, tunnel);
  const text = textOf(document);
  if (secret) await writeFileAtomic(secret.path, secret.text, 0o600);
  try {
    await withDraft(context, text, async (_, loaded) => {
      remarkWarnings(context, loaded);
      // A config kept among dotfiles is a link, which stays.
      const file = await realpath(context.configPath);
      await writeFileAtomic(file, text, (await stat(file)).mode & 0o777);
    });
  } catch (error) {
    if (secret) await rm(secret.path, { force: true });
    throw error;
  }
}

/** The config as a tree that knows its comments. */
async function read(context: Context): Promise<Document> {
  const { configPath: path } = context;
  const text = await readFile(path, "utf8").catch(() => "");
  const document = parseDocument(text, { logLevel: "silent" });
  if (document.errors.length === 0 && isMap(document.contents)) return document;
  // The loader says what is wrong with it, and where.
  loadConfig({ ...context, path });
  throw new Fault("CONFIG_INVALID", `${path} changed while it was read`, { hint: "try once more" });
}

function putTunnel(document: Document, tunnel: TunnelEntry["tunnel"]): void {
  const old = document.get("tunnel", true);
  if (!isMap(old) || old.get("provider") !== tunnel.provider) {
    put(document, "tunnel", document.createNode(tunnel));
    return;
  }
  for (const key of Object.keys(old.toJSON())) if (!Object.hasOwn(tunnel, key)) old.delete(key);
  for (const [key, value] of Object.entries(tunnel)) old.set(key, value);
}

/** Sets a key of the top level; a new one goes to the beginning, where a reader looks for it. */
function put(document: Document, key: "hostname" | "tunnel", value: unknown): void {
  const top = document.contents;
  if (!isMap(top)) return;
  if (top.has(key)) {
    top.set(key, value);
    return;
  }
  const first = top.items.findLastIndex((item) => ["version", "hostname"].includes(String(item.key)));
  top.items.splice(first + 1, 0, document.createPair(key, value));
}

function textOf(document: Document): string {
  return document.toString({ lineWidth: 0 });
}
