import { existsSync, readFileSync } from "node:fs";

/** The name the server gives itself on the wire and in the service manager. */
export const productName = "coding-tools-mcp";
export const productTitle = "Coding Tools MCP";

/** The folder of the package, with its package.json and configs. */
export const packageRoot: URL = findPackage();
/** The version in the package's own package.json. */
export const version: string = (
  JSON.parse(readFileSync(new URL("package.json", packageRoot), "utf8")) as { version: string }
).version;

/** Looks upwards, because a module lies at another depth once it is bundled. */
function findPackage(): URL {
  let folder = new URL(".", import.meta.url);
  while (!existsSync(new URL("package.json", folder))) folder = new URL("..", folder);
  return folder;
}
