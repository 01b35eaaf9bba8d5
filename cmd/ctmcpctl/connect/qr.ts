import { encode } from "uqr";

/** Light modules around the code that a camera needs. */
const quiet = 4;
const reset = "\u001b[0m";
/** Black on white, whatever the terminal's own colours are: two modules one above the other to a character. */
const blackOnWhite = "\u001b[30;107m";

/** A QR code (ISO/IEC 18004) of `text` for a terminal, line by line; undefined when it is wider than `columns`. */
export function renderQr(text: string, columns: number): readonly string[] | undefined {
  const { data } = encode(text, { ecc: "M", border: quiet });
  if (data.length > columns) return undefined;
  const lines: string[] = [];
  for (let y = 0; y < data.length; y += 2) {
    const upper = data[y] ?? [];
    const lower = data[y + 1] ?? [];
    lines.push(`${blackOnWhite}${upper.map((dark, x) => half(dark, lower[x] === true)).join("")}${reset}`);
  }
  return lines;
}

function half(upper: boolean, lower: boolean): string {
  if (upper) return lower ? "█" : "▀";
  return lower ? "▄" : " ";
}
