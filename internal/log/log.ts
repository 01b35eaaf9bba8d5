import { fstatSync } from "node:fs";
import type { Clock } from "../clock/clock.js";
import {
  cleanValue,
  formatLine,
  isWanted,
  type LogFields,
  type LogFormat,
  type LogLevel,
  type LogLine,
} from "./line.js";
import type { Redactor } from "./redact.js";

/** What the parts of the product log with. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  notice(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each of its records. */
  child(fields: LogFields): Logger;
}

/** The process's own logger: the one that can be read back and turned up. */
export interface Log extends Logger {
  setLevel(level: LogLevel): void;
  /** The latest records, oldest first. */
  recent(): readonly LogLine[];
  /** Calls `listener` with each later record until the returned function is called. */
  subscribe(listener: (line: LogLine) => void): () => void;
}

/** Where records go: process.stderr, or anything like it. */
export interface LogStream {
  readonly fd?: number;
  readonly isTTY?: boolean;
  write(text: string): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly stream: LogStream;
  /** Only JOURNAL_STREAM is read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** Records kept for `recent`; default 500. */
  readonly keep?: number;
}

/**
 * Makes the log: JSON lines, or text on a terminal, or text with a priority when the stream is the journal's. A reader
 * that goes away (EPIPE) never stops the program.
 */
export function createLog({ level, stream, env, redactor, clock, keep = 500 }: LogOptions): Log {
  const format = formatFor(stream, env);
  const kept: LogLine[] = [];
  const listeners = new Set<(line: LogLine) => void>();
  let threshold = level;
  // There is nowhere left to report to when the log itself cannot be written.
  stream.on("error", () => {});

  function record(level: LogLevel, message: string, fields: LogFields): void {
    if (!isWanted(level, threshold)) return;
    const clean = cleanValue({ message, ...fields }, redactor) as { message: string };
    const line: LogLine = { time: new Date(clock.now()).toISOString(), level, ...clean };
    kept.push(line);
    if (kept.length > keep) kept.shift();
    stream.write(formatLine(line, format));
    for (const listener of listeners) listener(line);
  }

  function loggerWith(own: LogFields): Logger {
    const at =
      (level: LogLevel) =>
      (message: string, fields?: LogFields): void =>
        record(level, message, { ...own, ...fields });
    return {
      debug: at("debug"),
      info: at("info"),
      notice: at("notice"),
      warning: at("warning"),
      error: at("error"),
      child: (fields) => loggerWith({ ...own, ...fields }),
    };
  }

  return {
    ...loggerWith({}),
    setLevel(next) {
      threshold = next;
    },
    recent: () => [...kept],
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * JOURNAL_STREAM ("dev:inode") is inherited by children whose output goes elsewhere, so it counts only when it names this
 * very stream (systemd.exec(5)).
 */
function formatFor(stream: LogStream, env: LogOptions["env"]): LogFormat {
  const journal = env.JOURNAL_STREAM;
  if (journal !== undefined && stream.fd !== undefined && identityOf(stream.fd) === journal) return "journal";
  return stream.isTTY ? "text" : "json";
}

function identityOf(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return `${dev}:${ino}`;
}
