import { steersLoader } from "../config/variables.js";

const secretName = /token|secret|credential|api[_-]?key|password|passwd|private/i;
const secretValue =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{16,}|\bAKIA[A-Z0-9]{16}\b/;

/** True when a command must not be given this variable: it looks like a secret, or steers a loader. */
export function isSensitiveVariable(name: string, value: string): boolean {
  return steersLoader(name) || looksSecret(name, value);
}

/** True for a variable whose value must not be shown. */
export function looksSecret(name: string, value: string): boolean {
  return secretName.test(name) || secretValue.test(value);
}
