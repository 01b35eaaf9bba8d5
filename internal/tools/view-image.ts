import { readSync } from "node:fs";
import { Fault } from "../errs/errs.js";
import { type ImageFacts, imageFacts } from "../files/image.js";
import type { ResizeImage } from "../files/resize.js";
import type { OpenedFile } from "../workspace/root.js";
import { readOnly } from "./annotations.js";
import type { Tool } from "./types.js";

const maxMaxBytes = 10_485_760;

interface Args {
  readonly path: string;
  readonly max_bytes: number;
  readonly max_width: number;
  readonly max_height: number;
  readonly auto_resize: boolean;
}

/** An image as it is sent: its bytes and what they say about themselves. */
interface Picture extends ImageFacts {
  readonly bytes: Buffer;
}

/** `view_image`: an image file as a picture for the model. */
export function viewImageTool({ resize }: { resize: ResizeImage }): Tool {
  return {
    name: "view_image",
    title: "View image",
    description:
      "Shows a PNG, JPEG, GIF or WebP image. One above max_width or max_height (pixels) is made smaller.",
    inputSchema: {
      type: "object",
      properties: {
        path: { type: "string", minLength: 1 },
        max_bytes: { type: "integer", minimum: 1024, maximum: maxMaxBytes, default: 5_242_880 },
        max_width: { type: "integer", minimum: 1, maximum: 10_000, default: 2000 },
        max_height: { type: "integer", minimum: 1, maximum: 10_000, default: 2000 },
        auto_resize: { type: "boolean", default: true },
      },
      required: ["path"],
      additionalProperties: false,
    },
    annotations: readOnly,
    profile: "read-only",
    lane: "heavy",
    async run({ args, workspace, signal }) {
      const wanted = args as unknown as Args;
      const file = workspace.root.openFile(wanted.path);
      let bytes: Buffer;
      try {
        bytes = readImage(file, wanted);
      } finally {
        file.close();
      }
      const original = { bytes, ...(await factsOf(bytes, wanted.path)) };
      const { picture, warnings } = await fit(original, wanted, resize, signal);
      const resized = picture !== original;
      const { mimeType, width, height } = picture;
      return {
        content: [
          { type: "image", data: picture.bytes.toString("base64"), mimeType },
          { type: "text", text: [caption(file.path, picture, original), ...warnings].join("\n") },
        ],
        structured: {
          ok: true,
          path: file.path,
          mime_type: mimeType,
          bytes: picture.bytes.length,
          width,
          height,
          resized,
          original: {
            bytes: original.bytes.length,
            width: original.width,
            height: original.height,
            mime_type: original.mimeType,
          },
          warnings,
        },
      };
    },
  };
}

/** Faults: OUTPUT_TOO_LARGE. */
function readImage(file: OpenedFile, { path, max_bytes }: Args): Buffer {
  // One byte more than allowed shows a file that has grown since it was opened.
  const bytes = Buffer.allocUnsafe(Math.min(Number(file.stat.size), max_bytes) + 1);
  let filled = 0;
  while (filled < bytes.length) {
    const got = readSync(file.fd, bytes, filled, bytes.length - filled, filled);
    if (got === 0) break;
    filled += got;
  }
  if (filled <= max_bytes && file.stat.size <= BigInt(max_bytes)) return bytes.subarray(0, filled);
  const message = `${JSON.stringify(path)} has ${file.stat.size} bytes, more than max_bytes ${max_bytes}`;
  throw new Fault("OUTPUT_TOO_LARGE", message, {
    hint:
      file.stat.size <= BigInt(maxMaxBytes)
        ? `view_image ${JSON.stringify({ path, max_bytes: maxMaxBytes })}`
        : `no image above ${maxMaxBytes} bytes is shown; view a smaller copy`,
  });
}

/** Faults: INVALID_ARGUMENT. */
async function factsOf(bytes: Buffer, path: string): Promise<ImageFacts> {
  const facts = await imageFacts(bytes);
  if (facts !== undefined) return facts;
  throw new Fault(
    "INVALID_ARGUMENT",
    `${JSON.stringify(path)} is not an intact PNG, JPEG, GIF or WebP image`,
    {
      hint: "use read_file for text",
    },
  );
}

/** The picture made to fit the wanted box, or as it is with a warning where that cannot be. */
async function fit(
  original: Picture,
  { max_width, max_height, max_bytes, auto_resize }: Args,
  resize: ResizeImage,
  signal: AbortSignal,
): Promise<{ picture: Picture; warnings: string[] }> {
  if (original.width <= max_width && original.height <= max_height)
    return { picture: original, warnings: [] };
  const wide = `the image is larger than ${max_width}x${max_height} and is shown in full size`;
  if (!auto_resize) return { picture: original, warnings: [`${wide}: auto_resize is off`] };
  const request = { bytes: original.bytes, maxWidth: max_width, maxHeight: max_height, maxBytes: max_bytes };
  const smaller = await resize(request, signal);
  if ("failed" in smaller) return { picture: original, warnings: [`${wide}: ${smaller.failed}`] };
  const facts = await imageFacts(smaller.bytes);
  if (facts === undefined) return { picture: original, warnings: [`${wide}: the resizer gave no image`] };
  return { picture: { ...facts, bytes: smaller.bytes }, warnings: [] };
}

function caption(path: string, picture: Picture, original: Picture): string {
  const from = picture === original ? "" : `, made smaller from ${original.width}x${original.height}`;
  return `${path}: ${picture.mimeType}, ${picture.width}x${picture.height}, ${picture.bytes.length} bytes${from}`;
}
