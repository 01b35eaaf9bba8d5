import type { StatusReport } from "../../../internal/admin/types.js";
import { ok, type Row, warn } from "./row.js";

/** Names under which ngrok's free plan serves. */
const free = /\.ngrok-free\.(?:app|dev)$/;

/** What the public URL itself tells of clients and browsers that will have trouble with it; of nothing else a row. */
export function checkAddress({ listen, tunnel }: Pick<StatusReport, "listen" | "tunnel">): readonly Row[] {
  const known = [listen.public_url, tunnel?.url ?? null].filter((url) => url !== null);
  const urls = known.filter((url) => URL.canParse(url)).map((url) => new URL(url));
  const ported = urls.find(({ port }) => port !== "");
  const isFree = urls.some(({ hostname }) => free.test(hostname));
  return [
    ...(ported === undefined
      ? []
      : [
          warn(
            "address.port",
            `address: ${ported.host} has a port, and claude.ai connects to port 443 only`,
            "let port 443 of that name lead to the daemon, and leave the port out of the URL",
          ),
        ]),
    ...(isFree
      ? [
          ok(
            "address.interstitial",
            "address: ngrok's free plan shows browsers a page of its own before the sign-in page, once in 7 days; clients do not meet it",
          ),
        ]
      : []),
  ];
}
