import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Output } from "./types.js";

/** The most that one read takes: what a pipe holds. */
export const readBytes = 64 << 10;

/**
 * The output that comes through a pipe, of which `fd` is the reading end. All pipes can share a `buffer`. With one for
 * each read, a flood leaves tens of megabytes of them behind before they are collected.
 */
export function pipeOutput(fd: number, buffer: Buffer): Output {
  let take: ((bytes: Buffer) => void) | undefined;
  const onread = {
    buffer,
    callback(length: number): boolean {
      take?.(buffer.subarray(0, length));
      return take !== undefined;
    },
  };
  // Not written in the call: the declared type lacks `onread`.
  const options = { fd, readable: true, writable: false, onread };
  const socket = new Socket(options);
  // It reads from the start.
  socket.pause();
  const ended = endOf(socket);
  return {
    read(next) {
      take = next;
      socket.resume();
      return ended;
    },
    pause() {
      take = undefined;
      socket.pause();
    },
    close: () => void socket.destroy(),
  };
}

/** A stream as an output. */
export function streamOutput(stream: Readable): Output {
  let take: ((bytes: Buffer) => void) | undefined;
  const ended = endOf(stream);
  stream.on("data", (bytes: Buffer) => take?.(bytes)).pause();
  return {
    read(next) {
      take = next;
      stream.resume();
      return ended;
    },
    pause: () => void stream.pause(),
    close: () => void stream.destroy(),
  };
}

/** All that an output brings, decoded as UTF-8. */
export async function textOf(output: Output): Promise<string> {
  const parts: Buffer[] = [];
  await output.read((bytes) => parts.push(Buffer.from(bytes)));
  return Buffer.concat(parts).toString();
}

/** Calls `take` with each whole line of UTF-8; resolves when there are no more. */
export function eachLine(output: Output, take: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  return output.read((bytes) => {
    const lines = (rest + decoder.write(bytes)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
}

function endOf(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ["end", "error", "close"]) stream.on(event, () => resolve());
  });
}
