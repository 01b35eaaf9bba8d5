import { recordOf } from "../../state/schema-check.js";
import type { Grant, OAuthState, PendingCode, RegisteredClient } from "./types.js";

const text = { type: "string" };
const optionalText = { type: "string", nullable: true };
const number = { type: "number" };
const generation = { type: "integer", minimum: 1 };
const texts = { type: "array", items: text };
const profile = { enum: ["read-only", "full"] };

const client = recordOf<RegisteredClient>({
  name: optionalText,
  redirectUris: texts,
  authMethod: { enum: ["none", "client_secret_post", "client_secret_basic"] },
  secretHash: optionalText,
  createdAt: number,
  usedAt: number,
});

const grant = recordOf<Grant>({
  id: text,
  clientId: text,
  clientName: optionalText,
  redirectHost: text,
  workspaces: { ...texts, nullable: true },
  profile,
  createdAt: number,
  usedAt: number,
  expiresAt: number,
  generation,
  replaced: { type: "array", items: recordOf<Grant["replaced"][number]>({ generation, at: number }) },
});

const code = recordOf<PendingCode>({
  clientId: text,
  clientName: optionalText,
  redirectUri: text,
  codeChallenge: text,
  workspaces: { ...texts, nullable: true },
  profile,
  expiresAt: number,
  grantId: optionalText,
});

export const oauthStateSchema: object = recordOf<OAuthState>({
  clients: { type: "object", additionalProperties: client },
  grants: { type: "object", additionalProperties: grant },
  codes: { type: "object", additionalProperties: code },
});
