import { readFileSync } from "node:fs";

/** The name the server gives itself on the wire and in the service manager. */
export const productName = "coding-tools-mcp";
export const productTitle = "Coding Tools MCP";

/** The version in the package's own package.json. */
export const version: string = readVersion();

function readVersion(): string {
  // Compiled files lie in <package>/dist/internal/version/.
  const manifest = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
