import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type LoadedConfig, loadConfig } from "../../internal/config/load.js";
import { formatProblem, problemsOf } from "../../internal/config/problem.js";
import { Fault } from "../../internal/errs/errs.js";
import { writeFileAtomic } from "../../internal/fsx/atomic.js";
import type { Context } from "./context.js";
import { printable } from "./output.js";

/**
 * Runs `use` with a file beside the config that holds `text`, and with what the daemon makes of it; the file is gone
 * afterwards, unless it was renamed. Throws CONFIG_INVALID when the daemon would refuse it.
 */
export async function withDraft<T>(
  context: Context,
  text: string,
  use: (draft: string, loaded: LoadedConfig) => Promise<T>,
): Promise<T> {
  const { configPath: path } = context;
  // Beside the config, where relative paths mean the same.
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}`);
  await writeFileAtomic(draft, text, 0o600);
  try {
    return await use(draft, load(context, draft));
  } finally {
    await rm(draft, { force: true });
  }
}

/** Says what is allowed and probably not meant. */
export function remarkWarnings({ configPath, remark }: Context, { warnings }: LoadedConfig): void {
  for (const warning of warnings) {
    remark(`warning: ${printable(formatProblem({ ...warning, file: configPath }))}`);
  }
}

function load(context: Context, draft: string): LoadedConfig {
  try {
    return loadConfig({ ...context, path: draft });
  } catch (error) {
    const [first, ...more] = problemsOf(error);
    if (!first) throw error;
    // Positions in a file that was never written would help nobody.
    throw new Fault("CONFIG_INVALID", [first, ...more].map(({ message }) => message).join("; "), {
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    });
  }
}
