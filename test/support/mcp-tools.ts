import { Fault } from "../../internal/errs/errs.js";
import type { Tool, ToolCall } from "../../internal/tools/types.js";
import { fixtureTool } from "./mcp-parts.js";

/** One run of the `silent` tool, in the hands of the test. */
export interface SilentCall {
  readonly args: ToolCall["args"];
  readonly progress: ToolCall["progress"];
  readonly signal: AbortSignal;
  /** Settles when the call is aborted. */
  readonly aborted: Promise<void>;
  /** Lets the call return its text. */
  release(): void;
}

export interface Silent {
  readonly tool: Tool;
  /** The next run that begins, or that has begun and was not asked for yet. */
  next(): Promise<SilentCall>;
}

/** A tool that says nothing until the test releases it or the call is aborted. */
export function createSilent(): Silent {
  const begun: SilentCall[] = [];
  const waiting: ((call: SilentCall) => void)[] = [];
  const tool = fixtureTool({
    name: "silent",
    lane: "heavy",
    inputSchema: {
      type: "object",
      properties: { text: { type: "string", default: "released" } },
      additionalProperties: false,
    },
    run: ({ args, signal, progress }) =>
      new Promise((resolve, reject) => {
        const aborted = new Promise<void>((seen) => {
          signal.addEventListener("abort", () => {
            seen();
            reject(signal.reason);
          });
        });
        const release = (): void =>
          resolve({ content: [{ type: "text", text: String(args.text) }], structured: { ok: true } });
        const call = { args, progress, signal, aborted, release };
        const ask = waiting.shift();
        if (ask === undefined) begun.push(call);
        else ask(call);
      }),
  });
  return {
    tool,
    next() {
      const call = begun.shift();
      return call === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(call);
    },
  };
}

/** Tools that answer, report, fail and break. */
export const fixtureTools: readonly Tool[] = [
  fixtureTool({
    name: "echo",
    inputSchema: {
      type: "object",
      properties: {
        text: { type: "string" },
        count: { type: "integer", minimum: 1, maximum: 3, default: 1 },
        mode: { type: "string", enum: ["plain", "loud"] },
      },
      required: ["text"],
      additionalProperties: false,
    },
    run: ({ args, workspace }) => ({
      content: [{ type: "text", text: String(args.text).repeat(Number(args.count)) }],
      structured: { ok: true, args, workspace: workspace.id },
    }),
  }),
  fixtureTool({
    name: "fails",
    run() {
      throw new Fault("NOT_FOUND", '"x.txt" does not exist', { hint: "list the folder first" });
    },
  }),
  fixtureTool({
    name: "bug",
    run() {
      throw new TypeError("secret-text-of-a-bug");
    },
  }),
  fixtureTool({
    name: "writer",
    profile: "full",
    run: ({ workspace }) => ({
      content: [{ type: "text", text: `wrote in ${workspace.id}` }],
      structured: { ok: true },
    }),
  }),
];
