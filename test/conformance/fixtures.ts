import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../../internal/errs/errs.js";
import type { ContentBlock, InputSchema, Tool } from "../../internal/tools/types.js";
import { fixtureTool } from "../support/mcp-parts.js";

const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const wav = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";
const image: ContentBlock = { type: "image", data: png, mimeType: "image/png" };

/** The tools the public suite calls by name; what each must answer stands in the suite's scenario descriptions. */
export function conformanceTools({ onTrigger }: { readonly onTrigger: () => void }): readonly Tool[] {
  return [
    answering("test_simple_text", [text("This is a simple text response for testing.")]),
    answering("test_image_content", [image]),
    answering("test_audio_content", [{ type: "audio", data: wav, mimeType: "audio/wav" }]),
    answering("test_embedded_resource", [
      resource("test://embedded-resource", "text/plain", "This is an embedded resource content."),
    ]),
    answering("test_multiple_content_types", [
      text("Multiple content types test:"),
      image,
      resource("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ]),
    // Neither asks the client for anything nor logs to it: the suite wants to see that nothing of the kind is sent.
    answering("test_streaming_elicitation", [text("asked for nothing")]),
    answering("test_logging_tool", [text("logged nothing")]),
    fixtureTool({
      name: "test_error_handling",
      run() {
        throw new Fault("NOT_FOUND", "this tool intentionally returns an error for testing");
      },
    }),
    fixtureTool({
      name: "test_tool_with_progress",
      async run({ progress, signal }) {
        for (const done of [0, 50, 100]) {
          progress(done, 100);
          await delay(50, undefined, { signal });
        }
        return { content: [text("done")], structured: { ok: true } };
      },
    }),
    fixtureTool({
      name: "test_trigger_tool_change",
      run() {
        onTrigger();
        return { content: [text("changed")], structured: { ok: true } };
      },
    }),
    fixtureTool({ ...answering("json_schema_2020_12_tool", [text("ok")]), inputSchema: jsonSchema202012() }),
  ];
}

/** The tool that comes and goes when the tool list is changed. */
export function dynamicTool(): Tool {
  return answering("test_dynamic_tool", [text("here now")]);
}

function answering(name: string, content: readonly ContentBlock[]): Tool {
  return fixtureTool({ name, run: () => ({ content, structured: { ok: true } }) });
}

function text(value: string): ContentBlock {
  return { type: "text", text: value };
}

function resource(uri: string, mimeType: string, value: string): ContentBlock {
  return { type: "resource", resource: { uri, mimeType, text: value } };
}

/** More vocabulary than a tool of ours uses: the suite checks that a listing keeps every keyword. */
function jsonSchema202012(): InputSchema {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object" as const,
    $defs: {
      address: {
        $anchor: "addressDef",
        type: "object",
        properties: { street: { type: "string" }, city: { type: "string" } },
      },
    },
    properties: {
      name: { type: "string" },
      address: { $ref: "#/$defs/address" },
      contactMethod: { type: "string", enum: ["phone", "email"] },
      phone: { type: "string" },
      email: { type: "string" },
    },
    allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
    if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
    // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword, not a promise
    then: { required: ["phone"] },
    else: { required: ["email"] },
    additionalProperties: false as const,
  };
  return schema;
}
