import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestClock, type TestClock } from "../../../test/support/clock.js";
import { Fault } from "../../errs/errs.js";
import { checkedBy } from "../../state/schema-check.js";
import { openStateFile, type StateFile } from "../../state/state-file.js";
import { validateOAuthState } from "../validators.js";
import { createClientDocuments } from "./client-document.js";
import type { FetchDocument } from "./document-fetch.js";
import { site } from "./grants.test.util.js";
import { createRegisterEndpoint } from "./register-endpoint.js";
import { createRegistry, type Registry } from "./registry.js";
import type { AuthEvent, OAuthReply, OAuthRequest, OAuthState, Site } from "./types.js";

/** A registry and its endpoint over a real state file. */
export interface RegistryStage {
  readonly clock: TestClock;
  readonly state: StateFile<OAuthState>;
  readonly registry: Registry;
  readonly events: AuthEvent[];
  /** Sends a body to the registration endpoint: text as it is, anything else as JSON. */
  register(body: unknown, more?: Partial<OAuthRequest>, at?: Site): Promise<OAuthReply>;
  /** Lets every write fail from now on, or no more. */
  fillDisk(full: boolean): void;
  close(): void;
}

/** By default no metadata document can be fetched. */
export async function openRegistryStage(
  fetchDocument: FetchDocument = () => Promise.reject(new Error("no way out")),
): Promise<RegistryStage> {
  const folder = mkdtempSync(join(tmpdir(), "ctmcp-registry-"));
  const clock = createTestClock();
  const events: AuthEvent[] = [];
  const onEvent = (event: AuthEvent): void => void events.push(event);
  let full = false;
  const state = await openStateFile<OAuthState>({
    path: join(folder, "oauth.json"),
    uid: process.getuid?.() ?? 0,
    version: 1,
    validate: checkedBy(validateOAuthState),
    empty: () => ({ clients: {}, grants: {}, codes: {} }),
    clock,
    onDamaged: () => {},
    async write(path, text, mode) {
      if (full) throw new Fault("FAILED", "no space left on device");
      // Not the durable way: these tests register thousands of clients.
      writeFileSync(path, text, { mode });
    },
  });
  const documents = createClientDocuments({ clock, onEvent, fetchDocument });
  const registry = createRegistry({ state, documents, clock, random: randomBytes, onEvent });
  const endpoint = createRegisterEndpoint({ registry, clock, onEvent });
  return {
    clock,
    state,
    registry,
    events,
    register: (body, more = {}, at = site) =>
      endpoint(
        {
          method: "POST",
          query: new URLSearchParams(),
          headers: { "content-type": "application/json" },
          body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
          ...more,
        },
        at,
      ),
    fillDisk(isFull) {
      full = isFull;
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}
