import type { Config } from "../../internal/config/config.js";
import { createRedactor, type Redactor } from "../../internal/log/redact.js";

/** A redactor that knows the secrets which flags and variables gave; the sign-in looks after its own. */
export function redactorFor({ auth, exec }: Pick<Config, "auth" | "exec">): Redactor {
  const redactor = createRedactor();
  const variables = Object.entries(exec.environment.set).filter(([name]) => redactor.isSecretName(name));
  const secrets = [
    auth.token,
    ...auth.oauth.clients.map(({ secret }) => secret),
    ...variables.map(([, it]) => it),
  ];
  for (const secret of secrets) if (secret !== undefined) redactor.add(secret);
  return redactor;
}
