/** A line that ripgrep printed, matching or beside one that does. */
export interface RgLine {
  readonly path: string;
  readonly matched: boolean;
  /** Counts from 1. */
  readonly number: number;
  /** Where the line begins in the file, after a byte order mark, in UTF-8 for a UTF-16 file. */
  readonly offset: number;
  /** With its line end. */
  readonly bytes: Buffer;
  /** `bytes` read as UTF-8 or, where they are not, as Latin-1: one character a byte. */
  readonly text: string;
  /** First match in `bytes`; both 0 on a line beside one. */
  readonly start: number;
  readonly end: number;
}

export interface RgEvents {
  /** True: enough, stop. */
  line(line: RgLine): boolean;
  /** All lines of a file have come. True: enough, stop. */
  fileEnd(): boolean;
  /** A line was left out: its path is not UTF-8, or it is longer than the limit. */
  skipped(why: "name" | "length"): void;
}

/** The most bytes of one event, which may hold a line twice: whole, and from its match on. */
const maxEventBytes = 16 << 20;

interface Text {
  readonly text?: string;
  /** Base64: not valid UTF-8. */
  readonly bytes?: string;
}

interface Event {
  readonly type: "match" | "context";
  readonly data: {
    readonly path: Text;
    readonly lines: Text;
    readonly line_number: number;
    readonly absolute_offset: number;
    readonly submatches: readonly { readonly start: number; readonly end: number }[];
  };
}

/** Where the first letter of the type stands, which no two types share: ripgrep writes it before the data. */
const typeAt = '{"type":"'.length;
const [matchLetter, contextLetter, endLetter] = Buffer.from("mce");

/**
 * Reads the stream of `rg --json`; the returned function takes its next bytes and says when it has enough. With
 * `matchLength` a match ends that many characters after its begin, whatever ripgrep says (see patternOf).
 */
export function readEvents(events: RgEvents, matchLength?: number): (chunk: Buffer) => boolean {
  let parts: Buffer[] = [];
  let length = 0;
  let dropping = false;

  function take(bytes: Buffer): boolean {
    if (dropping) {
      dropping = false;
      events.skipped("length");
      return false;
    }
    const letter = bytes[typeAt];
    if (letter === endLetter) return events.fileEnd();
    // Half of what comes only says that a file begins or what it took.
    if (letter !== matchLetter && letter !== contextLetter) return false;
    return emit(JSON.parse(bytes.toString("utf8")) as Event, events, matchLength);
  }

  function keep(part: Buffer): void {
    if (dropping || part.length === 0) return;
    length += part.length;
    if (length > maxEventBytes) {
      dropping = true;
      parts = [];
    } else parts.push(part);
  }

  return (chunk) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      keep(chunk.subarray(from, end));
      const whole = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
      from = end + 1;
      parts = [];
      length = 0;
      if (take(whole)) return true;
    }
    keep(chunk.subarray(from));
    return false;
  };
}

function emit({ type, data }: Event, events: RgEvents, matchLength: number | undefined): boolean {
  if (data.path.text === undefined) {
    if (type === "match") events.skipped("name");
    return false;
  }
  const { lines } = data;
  const bytes = lines.text === undefined ? Buffer.from(lines.bytes ?? "", "base64") : Buffer.from(lines.text);
  const { start, end } = data.submatches[0] ?? { start: 0, end: 0 };
  return events.line({
    path: data.path.text,
    matched: type === "match",
    number: data.line_number,
    offset: data.absolute_offset,
    bytes,
    text: lines.text ?? bytes.toString("latin1"),
    start,
    end: matchLength === undefined || end === 0 ? end : skip(bytes, start, matchLength),
  });
}

/** The offset in UTF-8 so many characters after `start`. */
function skip(bytes: Buffer, start: number, characters: number): number {
  let at = start;
  for (let left = characters; left > 0; left--) {
    const lead = bytes[at] ?? 0;
    at += lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  }
  return at;
}
