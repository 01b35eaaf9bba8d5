import { join } from "node:path";
import { daemonCommand, type ServiceDescription, type WrittenService } from "./description.js";

/** Name of the job. */
export const launchdLabel = "coding-tools-mcp";

type Value = string | number | boolean | readonly string[] | { readonly [key: string]: Value };

/**
 * The property list of the daemon (launchd.plist(5)). A configuration that is wrong ends it with success (`--launchd`),
 * so that it is not started again and again: launchd knows no exit code that prevents a restart.
 */
export function renderPlist(
  description: ServiceDescription,
  { logDir }: { readonly logDir: string },
): string {
  const { environment, scope } = description;
  const log = join(logDir, "coding-tools-mcp.log");
  const job: { readonly [key: string]: Value } = {
    Label: launchdLabel,
    ProgramArguments: [...daemonCommand(description), "--launchd", log],
    EnvironmentVariables: environment,
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: 5,
    ExitTimeOut: 20,
    ProcessType: "Interactive",
    // What comes before the daemon's own log, or after it: a crash of node.
    StandardOutPath: join(logDir, "coding-tools-mcp.out.log"),
    StandardErrorPath: join(logDir, "coding-tools-mcp.out.log"),
    ...(scope.kind === "system" && { UserName: scope.user }),
  };
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${render(job, "")}
</plist>
`;
}

/** What a property list that `renderPlist` made says. */
export function readPlist(text: string): WrittenService {
  const [, list = ""] = /<key>ProgramArguments<\/key>\s*<array>(.*?)<\/array>/s.exec(text) ?? [];
  const [, user] = /<key>UserName<\/key>\s*<string>([^<]*)<\/string>/.exec(text) ?? [];
  const words = [...list.matchAll(/<string>([^<]*)<\/string>/g)];
  return { command: words.map(([, word = ""]) => plain(word)), user: user && plain(user) };
}

function render(value: Value, indent: string): string {
  const deeper = `${indent}  `;
  if (typeof value === "string") return `${indent}<string>${xml(value)}</string>`;
  if (typeof value === "number") return `${indent}<integer>${value}</integer>`;
  if (typeof value === "boolean") return `${indent}<${value}/>`;
  if (isList(value)) {
    return `${indent}<array>\n${value.map((item) => render(item, deeper)).join("\n")}\n${indent}</array>`;
  }
  const entries = Object.entries(value).map(
    ([key, item]) => `${deeper}<key>${xml(key)}</key>\n${render(item, deeper)}`,
  );
  return `${indent}<dict>\n${entries.join("\n")}\n${indent}</dict>`;
}

function isList(value: Value): value is readonly string[] {
  return Array.isArray(value);
}

function xml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** What `xml` was given. */
function plain(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}
