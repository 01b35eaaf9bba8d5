import type { Profile } from "../config/config.js";
import type { Workspace } from "../workspace/workspace.js";
import type { Ask } from "./ask.js";

/** A JSON Schema object of draft 2020-12, kept flat and inline: several clients refuse `$ref`, `$schema`, `anyOf`. */
export type JsonSchema = { readonly [keyword: string]: unknown };

export interface InputSchema {
  readonly type: "object";
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties: false;
}

/** All four hints explicit and true on every tool (MCP ToolAnnotations). */
export interface ToolAnnotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** Content blocks of a tool result (MCP ContentBlock), the ones our tools make. */
export type ContentBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly data: string; readonly mimeType: string }
  | { readonly type: "audio"; readonly data: string; readonly mimeType: string }
  | { readonly type: "resource"; readonly resource: Readonly<Record<string, unknown>> };

export interface ToolResult {
  /** Short prose for a model; never a JSON copy of `structured`. */
  readonly content: readonly ContentBlock[];
  /** The complete machine answer. `ok` false makes the result an error result. */
  readonly structured: Readonly<{ ok: boolean } & Record<string, unknown>>;
  /** Files that were changed, for the record; not sent to the client. */
  readonly changes?: readonly FileChange[];
}

/** SHA-256 of a file's content in hex; null where there was, or is, no file. */
export interface FileChange {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What a running tool is given. */
export interface ToolCall {
  /** Validated against the tool's schema, defaults filled in; `workspace` already taken out. */
  readonly args: Readonly<Record<string, unknown>>;
  readonly workspace: Workspace;
  /** Id of the principal who calls. */
  readonly caller: string;
  /** Every workspace the caller may reach, the default first, each with the caller's profile there. */
  readonly reachable: readonly ReachableWorkspace[];
  /** Names of the tools the caller sees. */
  readonly toolNames: readonly string[];
  /** Aborted when the client cancels, or on shutdown. */
  readonly signal: AbortSignal;
  /** Reports progress to a client that asked for it; does nothing otherwise. */
  readonly progress: (progress: number, total?: number, message?: string) => void;
  /** Asks the person at the client; undefined when the client cannot be asked. */
  readonly ask: Ask | undefined;
}

export interface ReachableWorkspace {
  readonly workspace: Workspace;
  readonly profile: Profile;
}

/** `fast`: answers from memory or one small read. `heavy`: runs a child process or reads much; these queue. */
export type Lane = "fast" | "heavy";

export interface Tool {
  /** Frozen from 1.0: at most 40 characters of [a-z_]. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: InputSchema;
  readonly annotations: ToolAnnotations;
  /** The least profile that sees it. */
  readonly profile: Profile;
  /** A function where the validated arguments decide. */
  readonly lane: Lane | ((args: ToolCall["args"]) => Lane);
  /** Listed only when the caller reaches more than one workspace. */
  readonly onlyWithSeveralWorkspaces?: boolean;
  /** Throws a Fault with a tool error code for an expected failure. */
  run(call: ToolCall): ToolResult | Promise<ToolResult>;
}
