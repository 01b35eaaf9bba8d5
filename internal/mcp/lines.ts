import type { Readable } from "node:stream";

/**
 * Splits a byte stream at LF. A line longer than `maxBytes` is skipped to its end and yielded once as "too-long", so
 * that what follows is still read. A last line without LF counts.
 */
export async function* readLines(input: Readable, maxBytes: number): AsyncGenerator<Buffer | "too-long"> {
  let parts: Buffer[] = [];
  let size = 0;
  const take = (): Buffer | "too-long" => {
    const line = size > maxBytes ? "too-long" : Buffer.concat(parts);
    parts = [];
    size = 0;
    return line;
  };
  const keep = (part: Buffer): void => {
    size += part.length;
    if (size > maxBytes) parts = [];
    else parts.push(part);
  };
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      keep(chunk.subarray(from, at));
      from = at + 1;
      yield take();
    }
    if (from < chunk.length) keep(chunk.subarray(from));
  }
  if (size > 0) yield take();
}
