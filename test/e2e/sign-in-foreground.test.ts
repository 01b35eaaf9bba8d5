import { test } from "uvu";
import * as assert from "uvu/assert";
import { createBrowser, signIn } from "../support/browser.js";
import { joinServer, type Party, refusal } from "../support/oauth-party.js";
import { makePlace } from "../support/place.js";
import { type Exit, mainOf, type Program, startProgram } from "../support/program.js";
import { lastingPort } from "../support/sign-in.js";

const password = "open the gate, please";
const client = { client_id: "my-editor", client_secret: "a secret of my editor" };
const redirectUri = "http://127.0.0.1:45680/my-editor";
const secret = "0123456789abcdef".repeat(4);
const bearer = "a-token-of-mine-0123";
const readOnly = { password, workspaces: ["workspace"], profile: "read-only" } as const;

interface Started {
  readonly url: string;
  /** The process that runs now. */
  program(): Program;
  /** Ends it and starts another one, in another environment if one is given. */
  restart(signal: "SIGTERM" | "SIGKILL", env?: Env): Promise<Exit>;
}

type Env = Readonly<Record<string, string>>;

/** Runs `run` with `coding-tools-mcp --oauth-mode` in `app`. */
async function withProgram(env: Env, run: (started: Started) => Promise<void>): Promise<void> {
  const place = makePlace();
  const port = String(await lastingPort());
  let program: Program | undefined;
  const start = async (variables: Env): Promise<Program> => {
    const named = Object.entries(variables).map(([name, value]) => [`CODING_TOOLS_MCP_${name}`, value]);
    program = startProgram(mainOf("coding-tools-mcp"), {
      args: ["--oauth-mode", "--port", port],
      env: { HOME: place.dir, ...Object.fromEntries(named) },
      cwd: place.app,
    });
    await program.until("stderr", /^coding-tools-mcp listening on/m);
    return program;
  };
  try {
    let running = await start(env);
    await run({
      url: `http://127.0.0.1:${port}/mcp`,
      program: () => running,
      async restart(signal, changed = env) {
        running.child.kill(signal);
        const exit = await running.exit;
        running = await start(changed);
        return exit;
      },
    });
  } finally {
    await program?.kill();
    place.remove();
  }
}

async function signInTo(party: Party): ReturnType<Party["refresh"]> {
  const { page, redeem } = await party.begin();
  return redeem(await signIn(createBrowser(), page, readOnly));
}

test("everything given: a client of the owner's signs in, and stays so through a restart", async () => {
  const env = {
    OAUTH_PASSWORD: password,
    OAUTH_TOKEN_SECRET: secret,
    OAUTH_TOKEN_TTL: "3600",
    OAUTH_CLIENT_ID: client.client_id,
    OAUTH_CLIENT_SECRET: client.client_secret,
    OAUTH_REDIRECT_URIS: `https://editor.example/callback, ${redirectUri}`,
    AUTH_TOKEN: bearer,
  };
  await withProgram(env, async ({ url, program, restart }) => {
    const { origin } = new URL(url);
    assert.match(program().stderr(), "both the bearer token and sign-in");
    assert.match(program().stderr(), `${url} (oauth2 + bearer enabled (server_url=${origin}))\n`);
    const party = await joinServer(url, { client, redirectUri });
    const first = await signInTo(party);
    assert.is(first.expires_in, 3_600);
    const [head = ""] = first.access_token.split(".");
    assert.is(JSON.parse(Buffer.from(head, "base64url").toString()).alg, "HS256");

    assert.is((await restart("SIGTERM")).code, 143);
    assert.not((await party.toolNames(first.access_token)).includes("exec_command"));
    assert.ok((await party.toolNames(bearer)).includes("exec_command"));
    await restart("SIGKILL");
    const second = await party.refresh(first.refresh_token ?? "");
    assert.is((await party.list(second.access_token)).status, 200);

    const impostor = await joinServer(url, { client: { ...client, client_secret: "another" }, redirectUri });
    assert.is(await refusal(impostor.refresh(second.refresh_token ?? "")), "401 invalid_client");

    // Another secret ends every access token, and no sign-in.
    await restart("SIGTERM", { ...env, OAUTH_TOKEN_SECRET: secret.replaceAll("0", "1") });
    assert.is((await party.list(second.access_token)).status, 401);
    const third = await party.refresh(second.refresh_token ?? "");
    assert.is((await party.list(third.access_token)).status, 200);
    for (const text of [password, client.client_secret, secret, bearer])
      assert.not.match(program().stderr(), text);
  });
});

test("nothing given: a password is made and printed, clients register, and stay signed in", async () => {
  await withProgram({}, async ({ url, program, restart }) => {
    assert.match(program().stderr(), `(oauth2 enabled (server_url=${new URL(url).origin}))\n`);
    const [, printed = ""] = /^generated password: (\S+)$/m.exec(program().stderr()) ?? [];
    const party = await joinServer(url);
    const { page, redeem } = await party.begin();
    const answer = { ...readOnly, password: printed, profile: "full" } as const;
    const { access_token } = await redeem(await signIn(createBrowser(), page, answer));
    assert.ok((await party.toolNames(access_token)).includes("exec_command"));
    assert.is((await party.list(bearer)).status, 401);
    await restart("SIGKILL");
    assert.ok((await party.toolNames(access_token)).includes("exec_command"));
    assert.not.match(program().stderr(), printed);
  });
});

test.run();
