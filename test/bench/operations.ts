import { type Fixtures, fileCount } from "./fixtures.js";

/** One request, sent over and over, and what a right answer to it is. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** True when the `result` of an answer is right. */
  check(result: Result): boolean;
}

/** The fields that are looked at; the floor's answers hold these and nothing else. */
export interface Result {
  readonly tools?: readonly { readonly name: string }[];
  readonly structuredContent?: {
    readonly content?: string;
    readonly files?: readonly { readonly path: string; readonly size_bytes: number }[];
    readonly matches?: readonly { readonly path: string; readonly line: number }[];
    readonly truncated?: boolean;
  };
}

/** Matches asked for where there are more. */
export const matchCap = 1_000;

export function createOperations({ small, large, rare, common }: Fixtures): readonly Operation[] {
  const call = (name: string, args: object) => ({ method: "tools/call", params: { name, arguments: args } });
  return [
    { name: "ping", method: "ping", params: {}, check: (result) => Object.keys(result).length === 0 },
    {
      name: "tools_list",
      method: "tools/list",
      params: {},
      check: ({ tools }) =>
        ["read_file", "list_files", "search_text"].every((name) => tools?.some((tool) => tool.name === name)),
    },
    {
      name: "read_small",
      ...call("read_file", { path: small.path }),
      check: ({ structuredContent: answer }) => answer?.content === small.text,
    },
    {
      name: "read_range",
      ...call("read_file", { path: large.path, start_line: large.firstLine, max_lines: large.lines }),
      check: ({ structuredContent: answer }) => answer?.content === large.text,
    },
    {
      name: "list_5k",
      ...call("list_files", { max_results: fileCount }),
      check: ({ structuredContent: answer }) =>
        answer?.files?.length === fileCount &&
        answer.files.every(({ path, size_bytes }) => path.startsWith("area-") && size_bytes > 0) &&
        answer.truncated === false,
    },
    {
      name: "search_rare",
      ...call("search_text", { query: rare.needle, max_results: matchCap }),
      check: ({ structuredContent: answer }) =>
        answer?.matches?.length === 1 &&
        answer.matches.every(({ path, line }) => path === rare.path && line === rare.line) &&
        answer.truncated === false,
    },
    {
      name: "search_common",
      ...call("search_text", { query: common.needle, max_results: matchCap }),
      check: ({ structuredContent: answer }) =>
        answer?.matches?.length === matchCap && answer.truncated === true,
    },
  ];
}
