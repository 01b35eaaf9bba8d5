import { pathToFileURL } from "node:url";
import { stringify } from "yaml";
import type { AuthMode, Profile } from "./config.js";

/** What `init` has asked for. Paths are written as given. */
export interface TemplateAnswers {
  /** Absolute path of the packaged JSON schema, for editors. */
  readonly schemaPath: string;
  readonly workspaces: readonly TemplateWorkspace[];
  readonly hostname?: string | undefined;
  readonly listen?: string | undefined;
  readonly profile?: Profile | undefined;
  readonly authMode?: AuthMode | undefined;
}

export interface TemplateWorkspace {
  readonly path: string;
  /** Left out: made from the folder's name. */
  readonly id?: string | undefined;
  readonly profile?: Profile | undefined;
}

/**
 * The commented YAML text of a new config file. An answer that is left out gives a commented line that shows the
 * default. The text parses back to exactly the answers; whether they make sense is for `loadConfig` to say.
 */
export function renderTemplate(answers: TemplateAnswers): string {
  const { schemaPath, workspaces, hostname, listen, profile, authMode = "bearer" } = answers;
  return `# yaml-language-server: $schema=${pathToFileURL(schemaPath).href}
# Configuration of coding-tools-mcp. The daemon takes changes to this file at once; a broken file changes nothing.
# Check it with: ctmcpctl config check

version: 1

# The public name that clients use, as in https://mcp.example.com/mcp. Without it only this machine reaches the daemon.
${setting("hostname", hostname, "mcp.example.com")}
${hostname === undefined ? "# " : ""}tunnel:
${hostname === undefined ? "# " : ""}  provider: none # the tunnel or proxy to this name is run by somebody else

# Where the daemon listens.
${setting("listen", listen, "127.0.0.1:8765")}

# What clients may do in a workspace that does not say otherwise: read-only or full.
${setting("profile", profile, "read-only")}

# The folders that clients can work in. The first one is the default.
workspaces:
${workspaces.map(renderWorkspace).join("\n")}

${renderExec([profile, ...workspaces.map((workspace) => workspace.profile)].includes("full"))}
auth:
  # oauth: clients send you to a page that asks for your password; set it with: ctmcpctl rotate-secret password
  # bearer: one secret token. oauth+bearer: either. none: nobody is asked, for a loopback address without hostname only.
  mode: ${authMode}
  # Without one of these a bearer token is generated into the state directory.
  # token_file: ~/.config/coding-tools-mcp.token
  # token: \${env:CTMCP_TOKEN}
`;
}

function renderWorkspace({ id, path, profile }: TemplateWorkspace): string {
  const entries = Object.entries({ id, path, profile }).filter(([, value]) => value !== undefined);
  return entries
    .map(([key, value], index) => `  ${index === 0 ? "-" : " "} ${key}: ${scalar(String(value))}`)
    .join("\n");
}

/** Where clients may run commands, `trusted` is proposed: the sandbox holds files and network, so few questions are left. */
function renderExec(proposed: boolean): string {
  const off = proposed ? "" : "# ";
  return `# How commands run in full workspaces, inside a sandbox that shows them the workspace and hides your home directory.
${off}exec:
${off}  # safe: network, inline scripts and shell expansions need your permission. trusted: only destructive commands,
${off}  # sudo and the like do. dangerous: nothing does.
${off}  permission_mode: ${proposed ? "trusted" : "safe"}
${off}  sandbox:
${off}    # none: commands of one workspace reach each other, and nothing else. host: all that this machine reaches.
${off}    network: none
`;
}

function setting(key: string, value: string | undefined, fallback: string): string {
  return value === undefined ? `# ${key}: ${fallback}` : `${key}: ${scalar(value)}`;
}

/** One line of YAML that reads back as `text`, whatever it holds. */
function scalar(text: string): string {
  const oneLine = {
    lineWidth: 0,
    blockQuote: false,
    singleQuote: false,
    doubleQuotedMinMultiLineLength: Infinity,
  };
  return stringify(text, oneLine).replace(/\n$/, "");
}
