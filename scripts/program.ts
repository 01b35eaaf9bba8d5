import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Script } from "node:vm";

/** A bundled program, loaded. */
export interface Program {
  /** Whether it came with what an earlier run had compiled. */
  readonly isCompiled: boolean;
  run(): void;
  /** Keeps what has been compiled of it so far, for every later start. */
  save(): void;
}

/**
 * Loads the program in `file`, an absolute path, together with what was compiled of it when it was built: a start spends
 * more time on compiling than on anything else. What was compiled by another node, or from another text, or has changed
 * since, is ignored, and so is that there is none. The file beside the program is as trusted as the program.
 */
export function loadProgram(file: string): Program {
  const text = readFileSync(file);
  const cachedData = readCompiled(file, text);
  const script = new Script(text.toString(), { filename: file, ...(cachedData && { cachedData }) });
  return {
    isCompiled: script.cachedDataRejected === false,
    run: () => script.runInThisContext()(createRequire(file), file),
    save() {
      const data = script.createCachedData();
      writeFileSync(compiledFile(file), Buffer.concat([seal(text, data), data]));
    },
  };
}

function compiledFile(file: string): string {
  return `${file}.compiled`;
}

function readCompiled(file: string, text: Buffer): Buffer | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(compiledFile(file));
  } catch {
    return undefined;
  }
  const data = bytes.subarray(sealBytes);
  return seal(text, data).equals(bytes.subarray(0, sealBytes)) ? data : undefined;
}

const sealBytes = 32;

/** V8 itself compares versions and the length of the text only: it would run old code for new, and crash on damaged code. */
function seal(text: Buffer, data: Buffer): Buffer {
  return createHash("sha256").update(`${process.version} ${process.arch}`).update(text).update(data).digest();
}
