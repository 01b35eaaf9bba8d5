import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { systemProgram } from "../fsx/system-program.js";

const run = promisify(execFile);
/** Reading two lines of a file; a home directory on a sleeping network disk must not hold up the rest. */
const timeoutMs = 3_000;

/**
 * The owner's name and address for commits, as variables: commands do not see the owner's git configuration. Only the
 * owner's own is asked, never a repository's. Empty where the system has no git (`git`, absolute) or the names are missing.
 */
export async function gitIdentity(
  env: Readonly<Record<string, string | undefined>>,
  git: string | undefined = systemProgram("git"),
): Promise<Readonly<Record<string, string>>> {
  const ask = async (key: string): Promise<string> => {
    if (git === undefined) return "";
    try {
      const { stdout } = await run(git, ["config", "--global", "--get", key], {
        env: { HOME: env.HOME, XDG_CONFIG_HOME: env.XDG_CONFIG_HOME },
        cwd: "/",
        timeout: timeoutMs,
      });
      return stdout.trim();
    } catch {
      return "";
    }
  };
  const [name, email] = await Promise.all([ask("user.name"), ask("user.email")]);
  return {
    ...(name !== "" && { GIT_AUTHOR_NAME: name, GIT_COMMITTER_NAME: name }),
    ...(email !== "" && { GIT_AUTHOR_EMAIL: email, GIT_COMMITTER_EMAIL: email }),
  };
}
