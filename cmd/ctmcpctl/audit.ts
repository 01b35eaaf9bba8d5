import { auditDir } from "../../internal/audit/files.js";
import { readAudit } from "../../internal/audit/read.js";
import type { AuditRecord } from "../../internal/audit/record.js";
import { printableJson } from "../../internal/log/json.js";
import type { Context } from "./context.js";
import { duration, printable } from "./output.js";
import { stateDirectory } from "./state-directory.js";
import { parseLines, parseSince } from "./values.js";

const defaultLines = 50;

/** Shows what was recorded, the latest last. Reads the files, so that no daemon has to run. */
export async function run(context: Context): Promise<number> {
  const { flags, print } = context;
  const dir = auditDir(await stateDirectory(context));
  const isWanted = filterOf(context);
  const show = (record: AuditRecord): void =>
    print(flags.json ? printableJson(record) : describe(record).map(printable).join("\n    "));
  const lines = parseLines(flags.lines) ?? defaultLines;
  const latest: AuditRecord[] = [];
  for await (const record of readAudit(dir)) {
    if (!isWanted(record)) continue;
    latest.push(record);
    if (latest.length > lines && flags.since === undefined) latest.shift();
  }
  for (const record of latest) show(record);
  if (!flags.follow) return 0;
  const seen = latest.at(-1)?.seq ?? 0;
  const { signal } = new AbortController();
  for await (const record of readAudit(dir, { follow: signal })) {
    if (record.seq > seen && isWanted(record)) show(record);
  }
  return 0;
}

function filterOf({ flags }: Context): (record: AuditRecord) => boolean {
  const client = flags.client?.toLowerCase();
  const since = flags.since === undefined ? undefined : parseSince(flags.since);
  return (record) => {
    const who = [record.principal, record.client, record.client_id].join(" ").toLowerCase();
    return (
      (client === undefined || who.includes(client)) &&
      (flags.tool === undefined || record.tool === flags.tool) &&
      (since === undefined || Date.parse(record.time) >= since)
    );
  };
}

interface CommandField {
  readonly id: string;
  readonly line?: string;
  readonly exit?: number | null;
  readonly signal?: string | null;
}

/** One line, and further ones for what was done to files. */
function describe(record: AuditRecord): string[] {
  const { time, event, workspace, tool, outcome, code } = record;
  const when = time.replace("T", " ").replace(/\.\d+Z$/, "Z");
  const who = String(record.client ?? record.principal ?? record.client_id ?? "");
  const words = [when, event, who, ...[workspace, tool].filter((word) => word !== undefined).map(String)];
  switch (event) {
    case "call_started":
      return [[...words, JSON.stringify(record.args)].join("  ")];
    case "call":
      return [
        [
          ...words,
          ...(record.args === undefined ? [] : [JSON.stringify(record.args)]),
          code === undefined ? outcome : `${outcome} (${code})`,
          ...commandWords(record.command as CommandField | undefined),
          `${record.duration_ms} ms`,
        ].join("  "),
        ...changeLines(record.files),
      ];
    case "command_ended": {
      const command = record.command as CommandField;
      const took = duration(Number(record.duration_ms) / 1000);
      return [[...words, command.line, ...commandWords(command), took, `${record.bytes} bytes`].join("  ")];
    }
    default: {
      const { seq, time: _time, prev, event: _event, client, principal, ...rest } = record;
      return [[when, event, who, JSON.stringify(rest)].filter((word) => word !== "").join("  ")];
    }
  }
}

function commandWords(command: CommandField | undefined): string[] {
  if (command === undefined) return [];
  const end =
    command.signal ?? (command.exit === null || command.exit === undefined ? "runs" : `exit ${command.exit}`);
  return [`${command.id}: ${end}`];
}

function changeLines(files: unknown): string[] {
  if (!Array.isArray(files)) return [];
  return files.map(
    ({ path, before, after }: { path: string; before: string | null; after: string | null }) =>
      `${path}  ${short(before)} -> ${short(after)}`,
  );
}

function short(hash: string | null): string {
  return hash === null ? "nothing" : hash.slice(0, 12);
}
