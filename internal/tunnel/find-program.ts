import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

/**
 * The absolute path of a program: `name` itself when it is absolute, else the first executable file of that name in the
 * folders of `path` (the form of PATH). Relative folders are passed over, since what they mean changes with the working
 * directory, and so are files for which `isRefused` says so. Undefined when there is none.
 */
export async function findProgram(
  name: string,
  path: string,
  isRefused: (file: string) => boolean = () => false,
): Promise<string | undefined> {
  if (isAbsolute(name)) return (await isProgram(name)) ? name : undefined;
  if (name.includes("/")) return undefined;
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    const file = join(folder, name);
    if ((await isProgram(file)) && !isRefused(file)) return file;
  }
  return undefined;
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}
