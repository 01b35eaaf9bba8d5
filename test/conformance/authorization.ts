import { once } from "node:events";
import { signIn } from "../support/browser.js";
import { joinServer } from "../support/oauth-party.js";
import { lastingPort, withSignIn } from "../support/sign-in.js";
import { startSuite } from "./suite.js";

/**
 * Runs the suite's authorization server scenarios against the daemon itself, with a client that registered before and an
 * owner who answers the page that the suite asks to be opened. Returns what the suite said.
 */
export async function runAuthorization(results: string): Promise<string> {
  let output = "";
  await withSignIn({}, async ({ url, origin, browser, readOnly }) => {
    const port = String(await lastingPort());
    const { client } = await joinServer(url, { redirectUri: `http://127.0.0.1:${port}/callback` });
    const args = ["--url", origin, "--client-id", client.client_id, "--resource", url, "-p", port];
    const suite = startSuite(["authorization", ...args, "-o", results]);
    const ended = once(suite.child, "close");
    const page = new RegExp(`^${origin}/oauth/authorize\\S+$`, "m");
    const visit = async (): Promise<void> => {
      for (;;) {
        const [address] = page.exec(suite.output()) ?? [];
        if (address !== undefined) return void (await fetch(await signIn(browser, address, readOnly)));
        await once(suite.child.stdout, "data");
      }
    };
    await Promise.race([visit(), ended]);
    await ended;
    output = suite.output();
  });
  return output;
}
