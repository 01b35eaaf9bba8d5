import { compilePattern, type StreamMatcher } from "../../commands/pattern.js";
import { TunnelRefusal } from "../refusal.js";
import type { Launch, LaunchContext, Provider, Sign, TunnelFault } from "../types.js";
import { askLocal } from "./ask.js";
import { type ConfigOf, environmentOf, requireProgram } from "./launch.js";

/**
 * Any program that makes a tunnel, run as its argument list says; `{port}` stands for the port requests are to arrive
 * at. It is taken to be ready when a line matches `readyPattern`, when `readyUrl` answers 200, or at once when neither
 * is given: the probe judges anyway.
 */
export function command(config: ConfigOf<"command">): Provider {
  const [program, ...words] = config.argv;
  return {
    isStable: true,
    program,
    faults: [],
    async launch(context: LaunchContext) {
      const readSign = createCommandReader(config);
      const path = await requireProgram(program, context, "install it");
      const launch = {
        argv: [path, ...words.map((word) => word.replaceAll("{port}", String(context.port)))] as const,
        env: environmentOf(context, { extra: config.env }),
        readSign,
      };
      const poll = pollOf(config);
      return poll === undefined ? launch : { ...launch, poll };
    },
  };
}

/** What asks whether it is ready, unless a line tells. */
function pollOf(config: ConfigOf<"command">): Launch["poll"] {
  const { readyUrl, readyPattern } = config;
  if (readyUrl !== undefined) {
    let wasReady = false;
    return async (signal) => {
      const isReady = (await askLocal(readyUrl, signal))?.status === 200;
      wasReady ||= isReady;
      if (isReady) return readySign(config);
      return wasReady ? { kind: "down" } : undefined;
    };
  }
  return readyPattern === undefined ? async () => readySign(config) : undefined;
}

function readySign({ url }: Pick<ConfigOf<"command">, "url">): Sign {
  return url === undefined ? { kind: "ready" } : { kind: "ready", url };
}

const blocked: TunnelFault = {
  code: "COMMAND_BLOCKED",
  class: "blocked",
  text: "the tunnel's program printed a line that tunnel.blocked_patterns names",
  hint: "see its last lines, put right what they say, then run: ctmcpctl tunnel restart",
};

type CommandReader = (line: string) => Sign | undefined;
type Patterns = Pick<ConfigOf<"command">, "url" | "readyPattern" | "downPattern" | "blockedPatterns">;

/**
 * Matches lines with the patterns of the configuration, in time that neither a pattern nor a line can stretch; a
 * pattern that is too costly for a line does not match it. The gravest counts.
 *
 * @throws TunnelRefusal PATTERN_INVALID.
 */
export function createCommandReader(config: Patterns): CommandReader {
  const { readyPattern, downPattern, blockedPatterns } = config;
  const rows = [
    ...blockedPatterns.map((pattern) => ({
      matches: compile("blocked_patterns", pattern),
      sign: { kind: "fault", fault: blocked } as const,
    })),
    ...(downPattern === undefined
      ? []
      : [{ matches: compile("down_pattern", downPattern), sign: { kind: "down" } as const }]),
    ...(readyPattern === undefined
      ? []
      : [{ matches: compile("ready_pattern", readyPattern), sign: readySign(config) }]),
  ];
  return (line) => {
    const bytes = Buffer.from(line);
    return rows.find(({ matches }) => matches(bytes))?.sign;
  };
}

function compile(key: string, pattern: string): (line: Uint8Array) => boolean {
  const start = compiled(key, pattern);
  return (line) => start().feed(line) === "found";
}

function compiled(key: string, pattern: string): () => StreamMatcher {
  try {
    return compilePattern(pattern);
  } catch (cause) {
    const fault: TunnelFault = {
      code: "PATTERN_INVALID",
      class: "blocked",
      text: `tunnel.${key}: ${pattern} is not a pattern`,
      hint: "use literals, classes, groups, choices and repetition; there is no look-around and no backreference",
    };
    throw Object.assign(new TunnelRefusal(fault), { cause });
  }
}
