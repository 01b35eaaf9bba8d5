/**
 * The process that resizes one image: `resize-worker.js MAX_WIDTH MAX_HEIGHT`, the image on standard input, the
 * smaller one on standard output in the same format (GIF becomes PNG, its first picture).
 */
import { buffer } from "node:stream/consumers";
import type Sharp from "sharp";
import { missingSharp } from "./resize-protocol.js";

/** Larger pictures are refused before they are decoded; this many pixels take about 400 MiB. */
const maxPixels = 100_000_000;

async function main(): Promise<void> {
  let sharp: typeof Sharp;
  try {
    ({ default: sharp } = await import("sharp"));
  } catch {
    process.exitCode = missingSharp;
    return;
  }
  const [width, height] = process.argv.slice(2).map(Number);
  const image = sharp(await buffer(process.stdin), { limitInputPixels: maxPixels, sequentialRead: true });
  const { format } = await image.metadata();
  // Turned upright first: the note that says how to turn it is not kept.
  const smaller = image.rotate().resize({ width, height, fit: "inside", withoutEnlargement: true });
  process.stdout.write(await (format === "gif" ? smaller.png() : smaller).toBuffer());
}

void main();
