import type { Ran } from "./manager.js";

/** systemctl, for one of its managers. */
type Systemctl = (...args: readonly string[]) => Promise<Ran>;

/** Where a user's manager looks for that user's own units; undefined when it does not say. */
export async function askUnitDirectory(systemctl: Systemctl): Promise<string | undefined> {
  const { UnitPath = "" } = await properties(systemctl, "show", "--property=UnitPath");
  const suffix = ".control";
  const control = words(UnitPath).find((path) => path.endsWith(`/systemd/user${suffix}`));
  return control?.slice(0, -suffix.length);
}

/**
 * The variables that the manager gives to a unit, drop-ins included, or would give to one that is not there yet. Undefined
 * when that cannot be told: the manager is not reached or too old to say, or the unit takes some from elsewhere.
 */
export async function askEnvironment(
  systemctl: Systemctl,
  unit: string,
): Promise<Readonly<Record<string, string>> | undefined> {
  const own = parseObject((await systemctl("show-environment", "--output=json")).stdout);
  const asked = ["Environment", "EnvironmentFiles", "PassEnvironment"];
  const shown = await properties(systemctl, "show", unit, ...asked.map((name) => `--property=${name}`));
  if (own === undefined || shown.EnvironmentFiles || shown.PassEnvironment) return undefined;
  const set = words(shown.Environment ?? "").map((word): [string, string] => {
    const [name = ""] = word.split("=", 1);
    return [name, word.slice(name.length + 1)];
  });
  return { ...own, ...Object.fromEntries(set) };
}

async function properties(
  systemctl: Systemctl,
  ...args: readonly string[]
): Promise<Readonly<Partial<Record<string, string>>>> {
  const { stdout } = await systemctl(...args);
  return Object.fromEntries([...stdout.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

/** The words of a list as `systemctl show` prints it, quoted where a shell would need it. */
function words(list: string): readonly string[] {
  return [...list.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(
    ([, quoted, plain = ""]) => quoted?.replace(/\\(.)/g, "$1") ?? plain,
  );
}

function parseObject(text: string): Record<string, string> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
