import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { OAuthClientInformationFullSchema } from "@modelcontextprotocol/sdk/shared/auth.js";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { site } from "./grants.test.util.js";
import { knownDocuments } from "./known-documents.js";
import { matchesRedirect } from "./redirects.js";
import { openRegistryStage, type RegistryStage } from "./registry.test.util.js";
import { acceptsResource } from "./resource.js";
import type { OAuthClient } from "./types.js";

/** What one client sends, as far as it is known, and what must come of it. */
interface ClientFixture {
  readonly client: string;
  /** When it was seen or read. */
  readonly date: string;
  /** `recorded`: as it was seen on the wire, member for member. Anything else says what it was put together from. */
  readonly basis: string;
  readonly source: string;
  /** The body of its registration, or else the document at its id. */
  readonly registration?: object;
  readonly document?: { readonly client_id: string };
  /** Redirect URIs and authentication method that it ends up with. */
  readonly keeps: readonly string[];
  readonly method: string;
  /** What it sends to the authorize endpoint; `{origin}` is this server's. */
  readonly authorize: readonly { readonly redirect_uri: string; readonly resource?: string }[];
  /** Redirect URIs close to its own that must not match. */
  readonly refuses: readonly string[];
}

const folder = fileURLToPath(new URL("../../../../test/fixtures/oauth-clients/", import.meta.url));
const fixtures = readdirSync(folder).map(
  (name): ClientFixture => JSON.parse(readFileSync(`${folder}${name}`, "utf8")),
);

/** Lets the client introduce itself in its own way, then looks it up as the authorize endpoint does. */
async function introduce(
  { register, registry }: RegistryStage,
  fixture: ClientFixture,
): Promise<OAuthClient> {
  const id = fixture.document?.client_id ?? (await registered(register, fixture));
  const client = await registry.find(id, site);
  if (client === undefined) throw new Error(`${id} is unknown`);
  return client;
}

async function registered(register: RegistryStage["register"], fixture: ClientFixture): Promise<string> {
  const reply = await register(fixture.registration);
  assert.is(reply.status, 201);
  const answer = OAuthClientInformationFullSchema.parse(JSON.parse(reply.body));
  assert.equal(answer.redirect_uris, fixture.keeps);
  assert.is(answer.token_endpoint_auth_method, fixture.method);
  assert.is(typeof answer.client_secret, fixture.method === "none" ? "undefined" : "string");
  assert.equal(answer.grant_types, ["authorization_code", "refresh_token"]);
  assert.equal(answer.response_types, ["code"]);
  return answer.client_id;
}

for (const fixture of fixtures) {
  test(`${fixture.client}, ${fixture.date}`, async () => {
    const stage = await openRegistryStage(async () => ({ value: fixture.document, maxAge: 300 }));
    try {
      const client = await introduce(stage, fixture);
      assert.equal(client.redirectUris, fixture.keeps);
      assert.is(client.authMethod, fixture.method);
      for (const { redirect_uri, resource } of fixture.authorize) {
        assert.ok(matchesRedirect(client.redirectUris, redirect_uri), redirect_uri);
        if (resource !== undefined)
          assert.ok(acceptsResource(resource.replace("{origin}", site.origin), site), resource);
      }
      for (const uri of fixture.refuses) assert.not.ok(matchesRedirect(client.redirectUris, uri), uri);
    } finally {
      stage.close();
    }
  });
}

test("what is known without fetching is what the documents say", () => {
  const documents = new Map(
    fixtures.flatMap(({ document }) => (document ? [[document.client_id, document]] : [])),
  );
  for (const [id, known] of knownDocuments) {
    const { client_id, client_name, redirect_uris } = (documents.get(id) ?? {}) as Record<string, unknown>;
    assert.equal({ client_id, client_name, redirect_uris }, known);
  }
});

test("every client of the table has a fixture", () => {
  const clients = fixtures.map(({ client }) => client).join("\n");
  for (const name of [
    "Claude (",
    "ChatGPT",
    "Claude Code",
    "Cursor",
    "VS Code",
    "Gemini CLI",
    "Codex",
    "mcp-remote",
  ]) {
    assert.match(clients, name);
  }
});

test.run();
