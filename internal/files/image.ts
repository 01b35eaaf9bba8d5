/** What an image file says about itself. */
export interface ImageFacts {
  readonly mimeType: ImageType;
  /** Pixels, as stored. */
  readonly width: number;
  readonly height: number;
}

/** The formats that model clients accept. */
export type ImageType = "image/png" | "image/jpeg" | "image/gif" | "image/webp";

/** The image format by its leading bytes; undefined when it is none of the four. The file's name has no say. */
export function imageType(bytes: Buffer): ImageType | undefined {
  const head = bytes.toString("latin1", 0, 12);
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (head.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "image/gif";
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "image/webp";
  return undefined;
}

/** Reads the format and size from an image's header; undefined when it is no such image or its header is broken. */
export async function imageFacts(bytes: Buffer): Promise<ImageFacts | undefined> {
  const mimeType = imageType(bytes);
  if (mimeType === undefined) return undefined;
  const { imageSize } = await import("image-size");
  try {
    const { width, height } = imageSize(bytes);
    return width > 0 && height > 0 ? { mimeType, width, height } : undefined;
  } catch {
    return undefined;
  }
}
