import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";

/** Pixels of a module: what a camera sees of a terminal. */
const scale = 6;

/** Reads the QR code that stands in half blocks, black on white, in the text of a terminal; files go to `dir`. */
export function readTerminalQr(text: string, dir: string): Promise<string> {
  const rows = text
    .split("\n")
    .filter((line) => /^[ █▀▄]{25,}$/.test(line))
    .flatMap((line) => [
      [...line].map((half) => "█▀".includes(half)),
      [...line].map((half) => "█▄".includes(half)),
    ]);
  return read(rows, dir);
}

async function read(rows: readonly (readonly boolean[])[], dir: string): Promise<string> {
  const width = Math.max(...rows.map((row) => row.length)) * scale;
  const height = rows.length * scale;
  const pixels = Buffer.alloc(width * height, 255);
  rows.forEach((row, y) => {
    row.forEach((dark, x) => {
      if (!dark) return;
      for (let line = 0; line < scale; line++) {
        const start = (y * scale + line) * width + x * scale;
        pixels.fill(0, start, start + scale);
      }
    });
  });
  const file = join(dir, "qr.png");
  writeFileSync(
    file,
    await sharp(pixels, { raw: { width, height, channels: 1 } })
      .png()
      .toBuffer(),
  );
  return execFileSync("zbarimg", ["--quiet", "--raw", file], {
    encoding: "utf8",
    // It complains about a session bus that it does not need.
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}
