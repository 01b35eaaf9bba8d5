import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openaiFaults, openaiReadiness } from "../faults/openai.js";
import { type LaunchContext, type Provider, type Sign, tunnelMarkHeader } from "../types.js";
import { askLocal, type LocalAnswer } from "./ask.js";
import { createFaultReader, faultOf } from "./fault-reader.js";
import { type ConfigOf, environmentOf, originOf, requireProgram } from "./launch.js";
import { recordOf } from "./records.js";

/** Arguments of the Secure MCP Tunnel's client; the key comes by the environment. */
export function openaiArguments({ id, origin, header, urlFile }: OpenaiStart): string[] {
  return [
    "run",
    `--control-plane.tunnel-id=${id}`,
    `--mcp.server-url=${origin}/mcp`,
    `--mcp.extra-headers=${header}: env:${markVariable}`,
    "--health.listen-addr=127.0.0.1:0",
    `--health.url-file=${urlFile}`,
    "--log.format=json",
    "--log.level=info",
  ];
}

const markVariable = "CTMCP_TUNNEL_MARK";

interface OpenaiStart {
  readonly id: string;
  readonly origin: string;
  /** That it adds to each request, unless the request has one already. */
  readonly header: string;
  /** Where it writes the address of its own endpoints. */
  readonly urlFile: string;
}

/** What `/readyz` tells: 200 or 503, each with words. A reserve that keeps no request away is told beside. */
export function openaiSigns(answer: LocalAnswer | undefined): Sign[] {
  if (answer === undefined) return [];
  const row = openaiReadiness.find(({ pattern }) => pattern.test(answer.body.trim()));
  const fault: Sign[] = row === undefined ? [] : [{ kind: "fault", fault: faultOf(row) }];
  return answer.status === 200 ? [...fault, { kind: "ready" }] : fault;
}

/**
 * OpenAI's Secure MCP Tunnel, for that vendor's products. It has no public URL: a request that it brings proves it. Nor is
 * the way to sign in carried through it; with a profile its requests bring a token of this start instead.
 */
export function openai({ program = "tunnel-client", id, apiKey, profile }: ConfigOf<"openai">): Provider {
  const faults = createFaultReader(openaiFaults);
  return {
    isStable: true,
    program,
    faults: [...openaiFaults, ...openaiReadiness],
    async launch(context: LaunchContext) {
      const path = await requireProgram(program, context, install);
      const urlFile = join(context.directory, "health-url");
      const readFault = faults.start();
      const mark = profile === undefined ? randomBytes(16).toString("base64url") : context.pass(profile);
      const [header, value] =
        profile === undefined ? [tunnelMarkHeader, mark] : ["authorization", `Bearer ${mark}`];
      /** It stays ready by its own account while it asks for requests in vain. */
      let isPolling = true;
      let hasTold = false;
      return {
        argv: [path, ...openaiArguments({ id, origin: originOf(context), header, urlFile })],
        env: environmentOf(context, {
          extra: { CONTROL_PLANE_API_KEY: apiKey.value, [markVariable]: value },
        }),
        mark,
        readSign(line) {
          const msg = recordOf(line)?.msg;
          if (msg === "poller recovered; polling operational") {
            isPolling = true;
            return { kind: "ready" };
          }
          if (typeof msg === "string" && /^poll (?:failed|timed out)/.test(msg)) isPolling = false;
          return readFault(line);
        },
        async poll(signal) {
          if (!isPolling) return { kind: "down" };
          const url = await healthUrl(urlFile);
          const signs = url === undefined ? [] : openaiSigns(await askLocal(`${url}/readyz`, signal));
          // Of two, the reserve is told at the first question, and that it is ready at every further one.
          const sign = hasTold ? signs.at(-1) : signs[0];
          hasTold = sign !== undefined;
          return sign;
        },
      };
    },
  };
}

const install = "install it from https://github.com/openai/tunnel-client/releases";

/** The address that the client has written down, once it has; only one on this machine is asked. */
async function healthUrl(file: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  return /^http:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
}
