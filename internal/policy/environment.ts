/** Variables that make another program run code of somebody's choice before its own. */
const loaders: ReadonlySet<string> = new Set([
  "BASH_ENV",
  "ENV",
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
  "DYLD_INSERT_LIBRARIES",
  "PYTHONPATH",
  "PYTHONSTARTUP",
  "NODE_OPTIONS",
  "PERL5LIB",
  "PERL5OPT",
  "RUBYOPT",
  "RUBYLIB",
]);

const secretName = /token|secret|credential|api[_-]?key|password|passwd|private/i;
const secretValue =
  /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{16,}|\bAKIA[A-Z0-9]{16}\b/;

/** True when a command must not be given this variable: it looks like a secret, or steers a loader. */
export function isSensitiveVariable(name: string, value: string): boolean {
  return loaders.has(name) || name.startsWith("DYLD_") || looksSecret(name, value);
}

/** True for a variable whose value must not be shown. */
export function looksSecret(name: string, value: string): boolean {
  return secretName.test(name) || secretValue.test(value);
}
