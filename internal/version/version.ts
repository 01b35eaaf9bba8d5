import { existsSync, readFileSync } from "node:fs";

/** The name the server gives itself on the wire and in the service manager. */
export const productName = "coding-tools-mcp";
export const productTitle = "Coding Tools MCP";

/** The version in the package's own package.json. */
export const version: string = readVersion();

/** Looks upwards, because a module lies at another depth once it is bundled. */
function readVersion(): string {
  for (let folder = new URL(".", import.meta.url); ; folder = new URL("..", folder)) {
    const manifest = new URL("package.json", folder);
    if (existsSync(manifest))
      return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
  }
}
