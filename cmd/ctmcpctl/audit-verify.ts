import { auditDir } from "../../internal/audit/files.js";
import { type Verdict, verifyAudit } from "../../internal/audit/verify.js";
import type { Context } from "./context.js";
import { stateDirectory } from "./state-directory.js";

/** Says whether every record is there as it was written; exit code 1 when one is not. */
export async function run(context: Context): Promise<number> {
  const dir = auditDir(await stateDirectory(context));
  const verdict = verifyAudit(dir);
  context.answer(verdict, (it) => describe(it, dir));
  return verdict.flaw_count === 0 ? 0 : 1;
}

function describe({ files, records, first, last, flaws, flaw_count: count }: Verdict, dir: string): string {
  if (count === 0) {
    if (records === 0) return `nothing is recorded in ${dir}`;
    return `whole: records ${first} to ${last} in ${files} ${files === 1 ? "file" : "files"} in ${dir}`;
  }
  const places = flaws.map(
    ({ file, line, what }) => `${line === 0 ? file : `${file}, line ${line}`}: ${what}`,
  );
  const more = count - flaws.length;
  return [
    `not whole, ${count} ${count === 1 ? "place" : "places"} in ${dir}:`,
    ...places.map((place) => `  ${place}`),
    ...(more === 0 ? [] : [`  and ${more} more`]),
  ].join("\n");
}
