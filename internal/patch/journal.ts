import { join } from "node:path";
import { Fault } from "../errs/errs.js";
import { ensurePrivateDir } from "../fsx/private-dir.js";
import type { JournalFs } from "./journal-fs.js";

/** One set of changes, as the journal keeps it: enough to take it back, whether half done or done. */
export interface Entry {
  readonly id: string;
  /** ISO 8601. */
  readonly at: string;
  readonly tool: "apply_patch" | "edit_file" | "undo";
  readonly workspace: string;
  /** Real absolute path of the workspace. */
  readonly root: string;
  /** One line a file, as in the tool's answer. */
  readonly summary: readonly string[];
  readonly changes: readonly RecordedChange[];
  /** Directories made for it, outermost first. */
  readonly dirs: readonly string[];
  /** The entry this one takes back. */
  readonly undoes?: string;
}

export interface RecordedChange {
  /** Relative to the workspace, canonical. */
  readonly path: string;
  /** The file before; without it there was none. `offset` and `length`: its content among the entry's contents. */
  readonly before?: {
    readonly sha256: string;
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
    readonly offset: number;
    readonly length: number;
  };
  /** The file after; without it there is none. */
  readonly after?: { readonly sha256: string };
}

/** `pending`: under way, or cut off. `conflict`: could not be taken back whole because files were changed since. */
export type EntryState = "pending" | "done" | "conflict";

export interface Journal {
  /** Writes an entry as pending; not yet to the disk. */
  begin(entry: Entry, contents: readonly Uint8Array[]): Promise<void>;
  /** Puts a pending entry on the disk, its name too. */
  sync(id: string): Promise<void>;
  /** Changes the state of a pending entry; with `durable`, on the disk too. */
  settle(id: string, state: "done" | "conflict", durable: boolean): Promise<void>;
  drop(id: string, state: EntryState): Promise<void>;
  /** Ids in one state, oldest first. */
  ids(state: EntryState): Promise<readonly string[]>;
  /** Undefined when it is not there or was never written whole. */
  read(id: string, state: EntryState): Promise<Entry | undefined>;
  /** The content a file had before. */
  content(id: string, state: EntryState, change: RecordedChange): Promise<Buffer>;
}

export interface JournalOptions {
  /** Made with mode 0700. */
  readonly dir: string;
  readonly uid: number;
  readonly fs: JournalFs;
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Bytes read to find an entry's description, in most cases all of it. */
const headBytes = 64 << 10;
const nameOf = /^([0-9a-z]+-[0-9a-z]+)\.(pending|done|conflict)$/;

/**
 * The journal of changes in one directory, a file an entry: `<length> <description as JSON>\n<contents>`. Oldest entries that are
 * no longer pending are removed above `maxEntries` or `maxBytes`. The directory belongs to one process at a time.
 */
export function createJournal({ dir, uid, fs, maxEntries, maxBytes }: JournalOptions): Journal {
  let known: Promise<Map<string, { state: EntryState; bytes: number }>> | undefined;
  const fileOf = (id: string, state: EntryState): string => join(dir, `${id}.${state}`);

  function entries(): Promise<Map<string, { state: EntryState; bytes: number }>> {
    known ??= load().catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  async function load(): Promise<Map<string, { state: EntryState; bytes: number }>> {
    ensurePrivateDir(dir, { uid });
    const found = await fs.list(dir);
    return new Map(
      found
        .map(({ name, bytes }) => ({ match: nameOf.exec(name), bytes }))
        .flatMap(({ match, bytes }) =>
          match?.[1] ? [[match[1], { state: match[2] as EntryState, bytes }] as const] : [],
        )
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  async function head(id: string, state: EntryState): Promise<{ entry: Entry; start: number } | undefined> {
    const path = fileOf(id, state);
    let bytes = await fs.read(path, 0, headBytes);
    const [, digits] = /^(\d{1,9}) /.exec(bytes.toString("latin1", 0, 10)) ?? [];
    if (digits === undefined) return undefined;
    const start = digits.length + 1 + Number(digits) + 1;
    if (start > bytes.length) bytes = await fs.read(path, 0, start);
    try {
      return { entry: JSON.parse(bytes.toString("utf8", digits.length + 1, start - 1)) as Entry, start };
    } catch {
      return undefined;
    }
  }

  async function drop(id: string, state: EntryState): Promise<void> {
    await fs.unlink(fileOf(id, state));
    (await entries()).delete(id);
  }

  async function prune(): Promise<void> {
    const settled = [...(await entries())].filter(([, { state }]) => state !== "pending");
    let bytes = settled.reduce((sum, [, entry]) => sum + entry.bytes, 0);
    let count = settled.length;
    for (const [id, entry] of settled) {
      if (count <= maxEntries && bytes <= maxBytes) return;
      await drop(id, entry.state);
      count--;
      bytes -= entry.bytes;
    }
  }

  return {
    async begin(entry, contents) {
      const map = await entries();
      const json = JSON.stringify(entry);
      const parts = [Buffer.from(`${Buffer.byteLength(json)} ${json}\n`), ...contents];
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      map.set(entry.id, { state: "pending", bytes });
      try {
        await fs.write(fileOf(entry.id, "pending"), parts);
      } catch (error) {
        await drop(entry.id, "pending").catch(() => {});
        throw error;
      }
    },
    async sync(id) {
      await Promise.all([fs.sync(fileOf(id, "pending")), fs.sync(dir)]);
    },
    async settle(id, state, durable) {
      await fs.rename(fileOf(id, "pending"), fileOf(id, state));
      const entry = (await entries()).get(id);
      if (entry !== undefined) entry.state = state;
      // From here on the entry is settled, whatever happens.
      if (durable) await fs.sync(dir).catch(() => {});
      await prune().catch(() => {});
    },
    drop,
    async ids(state) {
      return [...(await entries())].filter(([, entry]) => entry.state === state).map(([id]) => id);
    },
    async read(id, state) {
      if ((await entries()).get(id)?.state !== state) return undefined;
      return (await head(id, state))?.entry;
    },
    async content(id, state, { path, before }) {
      const found = await head(id, state);
      if (found === undefined || before === undefined) throw gone(path);
      const bytes = await fs.read(fileOf(id, state), found.start + before.offset, before.length);
      if (bytes.length !== before.length) throw gone(path);
      return bytes;
    },
  };
}

function gone(path: string): Fault {
  return new Fault("NOT_FOUND", `the journal no longer holds what ${JSON.stringify(path)} was before`);
}
