import {
  Client as Client2,
  StreamableHTTPClientTransport as Http2,
  UnauthorizedError as Unauthorized2,
} from "@modelcontextprotocol/client";
import { UnauthorizedError as Unauthorized1 } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Http1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { signIn } from "./browser.js";
import type { Json } from "./mcp-harness.js";
import type { SignInDaemon } from "./sign-in.js";

/** A client that somebody else wrote; it signs in whenever it has to, with read-only access to `app`. */
export interface SigningClient {
  /** Asks the server for the names of its tools, and first the owner when that is needed. */
  tools(): Promise<readonly string[]>;
  /** How often the owner was asked. */
  signIns(): number;
  /** What it keeps. */
  tokens(): OAuthTokens;
  /** Makes it keep an access token that is refused, as one that has expired. */
  spoilAccess(): void;
  close(): Promise<void>;
}

/** One that runs in this process. */
export interface LibraryClient extends SigningClient {
  /** Calls a tool; asks the owner first when that is needed. */
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<Json>;
}

/** Starts a client of `url`, an endpoint of `daemon`. */
export type StartClient<D = SignInDaemon, C = SigningClient> = (daemon: D, url: string) => Promise<C>;

/** What a library needs of it. */
export type Owner = Pick<SignInDaemon, "browser" | "readOnly">;

const info = { name: "e2e", version: "1.0.0" };

export const startSdk1: StartClient<Owner, LibraryClient> = (owner, url) =>
  startLibrary(owner, (memory) => {
    const transport = new Http1(new URL(url), { authProvider: memory.provider });
    const client = new Client1(info);
    return {
      client,
      Unauthorized: Unauthorized1,
      connect: () => client.connect(transport as Transport),
      finish: () => transport.finishAuth(memory.answer().get("code") ?? ""),
    };
  });

/** `onChanged` is called when the server says that the tools changed. */
export function startClient2(
  mode: "legacy" | "auto",
  onChanged?: () => void,
): StartClient<Owner, LibraryClient> {
  return (owner, url) =>
    startLibrary(owner, (memory) => {
      const transport = new Http2(new URL(url), { authProvider: memory.provider });
      const listChanged = onChanged && { tools: { onChanged } };
      const client = new Client2(info, {
        versionNegotiation: { mode },
        ...(listChanged && { listChanged }),
      });
      return {
        client,
        Unauthorized: Unauthorized2,
        connect: () => client.connect(transport),
        finish: () => transport.finishAuth(memory.answer()),
      };
    });
}

/** What the two libraries have in common. */
interface Library {
  readonly client: {
    listTools(): Promise<{ readonly tools: readonly Json[] }>;
    callTool(call: { readonly name: string; readonly arguments: Record<string, unknown> }): Promise<Json>;
    close(): Promise<void>;
  };
  /** What they throw once they have sent the owner to the sign-in page. */
  readonly Unauthorized: new () => Error;
  connect(): Promise<void>;
  /** Takes the answer of the sign-in page. */
  finish(): Promise<void>;
}

async function startLibrary(owner: Owner, make: (memory: Memory) => Library): Promise<LibraryClient> {
  const memory = createMemory(owner);
  let library = make(memory);
  const finishing = async (error: unknown): Promise<void> => {
    if (!(error instanceof library.Unauthorized)) throw error;
    await library.finish();
  };
  try {
    await library.connect();
  } catch (error) {
    await finishing(error);
    // A client that could not connect is done with.
    library = make(memory);
    await library.connect();
  }
  const asking = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      await finishing(error);
      return work();
    }
  };
  return {
    ...memory,
    tools: () => asking(async () => (await library.client.listTools()).tools.map(({ name }) => name)),
    call: (name, args) => asking(() => library.client.callTool({ name, arguments: args })),
    close: () => library.client.close(),
  };
}

type Memory = ReturnType<typeof createMemory>;

/** What an application keeps for its library. */
function createMemory({ browser, readOnly }: Owner) {
  const redirectUrl = "http://localhost:45678/callback";
  let client: Json;
  let discovery: Json;
  let tokens: OAuthTokens | undefined;
  let verifier = "";
  let answer = new URLSearchParams();
  let signIns = 0;
  return {
    answer: () => answer,
    signIns: () => signIns,
    tokens: () => tokens as OAuthTokens,
    spoilAccess() {
      tokens = { ...(tokens as OAuthTokens), access_token: "expired" };
    },
    provider: {
      redirectUrl,
      clientMetadata: { client_name: "Somebody's client", redirect_uris: [redirectUrl] },
      clientInformation: () => client,
      saveClientInformation(given: Json) {
        client = given;
      },
      discoveryState: () => discovery,
      saveDiscoveryState(given: Json) {
        discovery = given;
      },
      tokens: () => tokens,
      saveTokens(given: OAuthTokens) {
        tokens = given;
      },
      codeVerifier: () => verifier,
      saveCodeVerifier(given: string) {
        verifier = given;
      },
      invalidateCredentials(scope: string) {
        if (scope === "all" || scope === "client") client = undefined;
        if (scope === "all" || scope === "tokens") tokens = undefined;
        if (scope === "all" || scope === "discovery") discovery = undefined;
      },
      async redirectToAuthorization(url: URL) {
        answer = (await signIn(browser, url, readOnly)).searchParams;
        signIns += 1;
      },
    },
  };
}
