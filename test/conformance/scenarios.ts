/** A protocol version the suite is run for. */
export type SuiteVersion = "2025-06-18" | "2025-11-25" | "2026-07-28";

/**
 * The suite's scenarios that apply to a server with tools only, each with the checks it passes per version. Every one
 * of them must run and pass at least that many: a scenario that quietly checks less than before is a failure.
 * Zero means that the pinned suite has nothing to check on a server without sessions; such a scenario must still run.
 */
export const scenarios: Readonly<Record<string, Readonly<Partial<Record<SuiteVersion, number>>>>> = {
  "server-initialize": { "2025-06-18": 2, "2025-11-25": 2 },
  "server-session-lifecycle": { "2025-06-18": 0, "2025-11-25": 0 },
  ping: { "2025-06-18": 2, "2025-11-25": 2 },
  "tools-list": { "2025-06-18": 2, "2025-11-25": 3, "2026-07-28": 4 },
  "tools-call-simple-text": { "2025-06-18": 2, "2025-11-25": 2, "2026-07-28": 2 },
  "tools-call-image": { "2025-06-18": 2, "2025-11-25": 2, "2026-07-28": 2 },
  "tools-call-audio": { "2025-06-18": 2, "2025-11-25": 2, "2026-07-28": 2 },
  "tools-call-embedded-resource": { "2025-06-18": 2, "2025-11-25": 2, "2026-07-28": 2 },
  "tools-call-mixed-content": { "2025-06-18": 2, "2025-11-25": 2, "2026-07-28": 2 },
  "tools-call-error": { "2025-06-18": 2, "2025-11-25": 2, "2026-07-28": 2 },
  "tools-call-with-progress": { "2025-06-18": 2, "2025-11-25": 2, "2026-07-28": 2 },
  "json-schema-2020-12": { "2025-11-25": 8, "2026-07-28": 8 },
  "dns-rebinding-protection": { "2025-11-25": 2, "2026-07-28": 2 },
  "server-sse-multiple-streams": { "2025-11-25": 0, "2026-07-28": 1 },
  "server-sse-polling": { "2025-11-25": 0 },
  "server-stateless": { "2026-07-28": 27 },
  caching: { "2026-07-28": 4 },
  "http-header-validation": { "2026-07-28": 14 },
  "sep-2164-resource-not-found": { "2026-07-28": 2 },
  "input-required-result-unsupported-methods": { "2026-07-28": 2 },
  "input-required-result-missing-input-response": { "2026-07-28": 1 },
  "input-required-result-ignore-extra-params": { "2026-07-28": 1 },
  "input-required-result-validate-input": { "2026-07-28": 3 },
};

/** The same for the daemon as an authorization server; the suite has them in one version only. */
export const authorizationScenarios: Readonly<Record<string, number>> = {
  "authorization-server-metadata-endpoint": 2,
  "authorization-code-grant": 1,
};

/** Checks inside those scenarios that ask for what the product does not have: counted as skipped when they fail. */
export const notApplicable: ReadonlySet<string> = new Set([
  // No tool needs a capability of the client.
  "sep-2575-server-rejects-undeclared-capability",
  "sep-2575-missing-capability-http-400",
  // No prompts, no resources.
  "sep-2549-prompts-list-caching-hints",
  "sep-2549-resources-list-caching-hints",
  "sep-2549-resources-templates-list-caching-hints",
]);
