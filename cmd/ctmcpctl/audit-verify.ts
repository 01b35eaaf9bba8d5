import { auditDir } from "../../internal/audit/files.js";
import { type Verdict, verifyAudit } from "../../internal/audit/verify.js";
import type { Context } from "./context.js";
import { stateDirectory } from "./state-directory.js";

/** Says whether every record is there as it was written; exit code 1 when one is not. */
export async function run(context: Context): Promise<number> {
  const dir = auditDir(await stateDirectory(context));
  const verdict = verifyAudit(dir);
  context.answer(verdict, (it) => describe(it, dir));
  return verdict.flaw === null ? 0 : 1;
}

function describe({ files, records, first, last, flaw }: Verdict, dir: string): string {
  if (flaw === null) {
    if (records === 0) return `nothing is recorded in ${dir}`;
    return `whole: records ${first} to ${last} in ${files} ${files === 1 ? "file" : "files"} in ${dir}`;
  }
  const where = flaw.line === 0 ? flaw.file : `${flaw.file}, line ${flaw.line}`;
  return `not whole: ${where}: ${flaw.what}`;
}
