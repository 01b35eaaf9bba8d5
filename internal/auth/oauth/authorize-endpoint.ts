import type { Clock } from "../../clock/clock.js";
import { Fault } from "../../errs/errs.js";
import type { Password } from "../password.js";
import {
  type AuthorizationRequest,
  type FindClient,
  type Reading,
  readAuthorizationRequest,
  requestText,
} from "./authorization-request.js";
import { type Choices, firstChoices, readChoices } from "./choices.js";
import { createFormSeal, isFromOwnPage } from "./csrf.js";
import type { Grants } from "./grants.js";
import type { Keys } from "./keys.js";
import { type ConsentProblem, consentPage } from "./pages/consent-page.js";
import {
  noPasswordPage,
  startInAppPage,
  unknownClientPage,
  wrongRedirectPage,
} from "./pages/problem-pages.js";
import { returnCode, returnDenial, returnRefusal } from "./return-to-app.js";
import { sourceOf } from "./source.js";
import type { Throttle } from "./throttle.js";
import type { OAuthReply, OAuthRequest, OnAuthEvent, Site } from "./types.js";

export interface AuthorizeEndpointDeps {
  readonly grants: Pick<Grants, "issueCode">;
  readonly findClient: FindClient;
  /** Notes that a registered client asks the owner. */
  readonly noteUse: (clientId: string) => Promise<void>;
  readonly password: (site: Site) => Pick<Password, "isSet" | "verify">;
  readonly keys: Pick<Keys, "pageKey">;
  readonly clock: Clock;
  readonly random: (size: number) => Buffer;
  readonly throttle: Throttle;
  readonly onEvent: OnAuthEvent;
}

/**
 * The authorization endpoint (RFC 6749 section 3.1, RFC 9207): shows the owner who asks, and sends a code back for the
 * right password. Nothing is kept between the page and its form; the form carries the request, which is read and checked
 * again.
 *
 * @throws Fault of a bug only: what people can do something about is a page.
 */
export function createAuthorizeEndpoint(
  deps: AuthorizeEndpointDeps,
): (request: OAuthRequest, site: Site) => Promise<OAuthReply> {
  const { grants, findClient, noteUse, throttle, onEvent } = deps;
  const forms = createFormSeal(deps);

  return async (request, site) => {
    switch (request.method) {
      case "GET":
      case "HEAD":
        return ask(request, site);
      case "POST":
        return decide(request, site);
      default:
        return startInAppPage(405, { Allow: "GET, HEAD, POST" });
    }
  };

  async function ask(http: OAuthRequest, site: Site): Promise<OAuthReply> {
    const text = requestText(http.query);
    const reading = await readAuthorizationRequest(text, site, findClient);
    if (reading.kind !== "good") return unanswerable(reading, site, http.method);
    if (!deps.password(site).isSet()) return noPasswordPage();
    await noteUse(reading.request.client.id);
    return form({ http, site, text, request: reading.request });
  }

  async function decide(http: OAuthRequest, site: Site): Promise<OAuthReply> {
    const sent = new URLSearchParams(http.body.toString("utf8"));
    const text = sent.get("request") ?? "";
    const reading = await readAuthorizationRequest(text, site, findClient);
    if (reading.kind !== "good") return unanswerable(reading, site, http.method);
    const { request } = reading;
    const again = (problem: ConsentProblem, choices?: Choices): OAuthReply =>
      form({ http, site, text, request, problem, ...(choices && { choices }) });

    if (
      !isFromOwnPage(http.headers, site) ||
      !forms.fits(sent.get("token") ?? "", text, http.headers, site)
    ) {
      return again(outdated);
    }
    if (sent.get("decision") === "deny") {
      onEvent({ event: "consent_denied", clientId: request.client.id });
      return returnDenial(request, site);
    }
    const choices = readChoices(sent, site);
    if (choices.workspaces?.length === 0) return again(noWorkspace, choices);
    try {
      const problem = await tryPassword(sent.get("password") ?? "", http, site, request);
      if (problem !== undefined) return again(problem, choices);
      return returnCode(request, site, await issue(request, choices));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return again(error.code === "SERVER_BUSY" ? busy : notSaved, choices);
    }
  }

  async function tryPassword(
    text: string,
    http: OAuthRequest,
    site: Site,
    { client }: AuthorizationRequest,
  ): Promise<ConsentProblem | undefined> {
    const source = sourceOf(http, site);
    const attempt = throttle.attempt(source);
    if (!attempt.ok) {
      if (attempt.first) onEvent({ event: "password_throttled", clientId: client.id });
      return tooMany(Math.ceil(attempt.retryAfterMs / 1_000));
    }
    if (!(await deps.password(site).verify(text))) {
      onEvent({ event: "password_wrong", clientId: client.id });
      return wrongPassword;
    }
    throttle.passed(source);
    return undefined;
  }

  async function issue(request: AuthorizationRequest, { workspaces, profile }: Choices): Promise<string> {
    const { client, redirectUri, codeChallenge } = request;
    const code = await grants.issueCode({ client, redirectUri, codeChallenge, workspaces, profile });
    const detail = `${profile} in ${workspaces?.join(", ") ?? "all workspaces"}`;
    onEvent({ event: "consent_given", clientId: client.id, detail });
    return code;
  }

  function form(page: {
    readonly http: OAuthRequest;
    readonly site: Site;
    readonly text: string;
    readonly request: AuthorizationRequest;
    readonly choices?: Choices;
    readonly problem?: ConsentProblem;
  }): OAuthReply {
    const { http, site, text, request, problem } = page;
    const { browser, setCookie } = forms.mark(http.headers, site);
    return consentPage({
      site,
      client: request.client,
      redirectUri: request.redirectUri,
      choices: page.choices ?? firstChoices(site, request.workspace),
      request: text,
      token: forms.seal(browser, text),
      setCookie,
      ...(problem && { problem }),
    });
  }
}

function unanswerable(reading: Exclude<Reading, { kind: "good" }>, site: Site, method: string): OAuthReply {
  if (reading.kind === "refused") return returnRefusal(reading.address, site, reading.refusal, method);
  switch (reading.problem) {
    case "client":
      return unknownClientPage(reading.text);
    case "redirect":
      return wrongRedirectPage(reading.text);
    case "malformed":
      return startInAppPage(400);
  }
}

const outdated: ConsentProblem = {
  status: 403,
  text: "This page was open for too long, or your browser blocks cookies. Please check everything and answer again.",
};
const noWorkspace: ConsentProblem = {
  status: 400,
  text: "Choose at least one folder, or deny.",
  about: "workspaces",
};
const wrongPassword: ConsentProblem = {
  status: 403,
  text: "The password is wrong. Please try again.",
  about: "password",
};
const busy: ConsentProblem = {
  status: 503,
  text: "Too many people are trying passwords right now. Please try again in a moment.",
  about: "password",
};
const notSaved: ConsentProblem = {
  status: 503,
  text: "This server could not save your answer. Please try again in a moment.",
  about: "password",
};

function tooMany(seconds: number): ConsentProblem {
  const wait = seconds === 1 ? "1 second" : `${seconds} seconds`;
  const text = `Too many wrong passwords. Please wait ${wait}, then try again.`;
  return { status: 429, text, about: "password", retryAfterS: seconds };
}
