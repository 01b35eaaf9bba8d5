import { secretName, shapes } from "./shapes.js";

/** Takes secrets out of everything that is written down. One for the whole process, so no output forgets it. */
export interface Redactor {
  /**
   * Makes every later output hide this value, also where it stands URL-encoded. Values under 6 characters are ignored.
   * Returns what forgets a value that counts no more, so that those that change do not pile up.
   */
  add(secret: string): () => void;
  /** The text with secrets, and what looks like one, replaced by `***`. */
  text(text: string): string;
  /** True for a field name whose value is a secret whatever it looks like. */
  isSecretName(name: string): boolean;
}

/** Shorter values would blank out ordinary words. */
const shortestSecret = 6;
const mask = "***";

export function createRedactor(): Redactor {
  const secrets = new Set<string>();
  let exact: RegExp | undefined;

  function compile(): void {
    // Longest first: a secret that begins like a shorter one must not leave its tail.
    const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
    exact = secrets.size === 0 ? undefined : new RegExp(longestFirst.map(escapeRegExp).join("|"), "g");
  }

  return {
    add(secret) {
      if (secret.length < shortestSecret || secrets.has(secret)) return () => {};
      secrets.add(secret).add(encodeURIComponent(secret));
      compile();
      return () => {
        secrets.delete(secret);
        secrets.delete(encodeURIComponent(secret));
        compile();
      };
    },
    text(text) {
      let clean = exact === undefined ? text : text.replace(exact, mask);
      for (const { needs, pattern } of shapes)
        if (needs.test(clean)) clean = clean.replace(pattern, `$<keep>${mask}`);
      return clean;
    },
    isSecretName: (name) => secretName.test(name),
  };
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
