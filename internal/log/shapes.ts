/** A way in which a secret can be told without knowing it. */
export interface Shape {
  /** What a text must have for it at least. Most texts are short and have none of it, which is found out much faster. */
  readonly needs: RegExp;
  /** Matches what is to be hidden, and before it, in the group `keep`, what stays. */
  readonly pattern: RegExp;
}

/** How the name of a secret ends: API_KEY, clientSecret, X-Auth-Token, DB_PASS. */
const names = [
  "token",
  "secret",
  "passw(?:or)?d",
  "passphrase",
  "[_-](?:pass|pwd)",
  "verifier",
  "assertion",
  "(?:access|api|auth|encryption|master|private|secret|signing)[_-]?key",
].join("|");

/** Field names whose value is a secret whatever it looks like. */
export const secretName: RegExp = new RegExp(`(?:authorization|cookie|${names})$`, "i");

/** What vendors begin their tokens with; signed tokens (RFC 7519); refresh tokens of our own. */
const tokens = [
  String.raw`\b(?:gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|npm_[A-Za-z0-9]{30,})`,
  String.raw`\b(?:A[KS]IA[A-Z0-9]{16}\b|AIza[\w-]{35}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,})`,
  String.raw`(?<![\w-])sk-(?=[\w-]*\d)(?=[\w-]*[A-Za-z0-9_]{12})[\w-]{20,}`,
  String.raw`(?<![\w-])eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*`,
  String.raw`\bctr\.[\w-]{1,64}\.\d{1,15}\.[\w-]{43}`,
].join("|");

/** The value behind a name: in quotes; right behind the sign; or all that is left there, for prose has colons too. */
const values = [
  // In quotes within a text that is itself in quotes.
  String.raw`(?<=\\")[^"\\]+`,
  String.raw`(?<=[^\\]")(?:[^"\\\r\n]|\\.)+`,
  String.raw`(?<=')[^'\r\n]+`,
  String.raw`(?<=[:=>])[^\s"'&#;]+`,
  String.raw`(?<=[ \t])[^\s"'\`&#;,|)}\]]+(?=[ \t]*(?:$|["'\`&#;,|)}\]\r\n]))`,
].join("|");

/**
 * Secrets by their shape. Whoever sends a text chooses it, so a pattern takes time in proportion to its length, whatever it
 * is: each begins with a fixed text, or where the characters that it repeats begin, and no repetition holds another.
 */
export const shapes: readonly Shape[] = [
  // A key; the lines around it stay.
  {
    needs: /-----BEGIN/,
    pattern: /(?<keep>-----BEGIN [A-Z ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----)[\s\S]+?(?=-----END |$)/g,
  },
  // A header, to the end of its line.
  {
    needs: /[:=]/,
    pattern: /(?<keep>\b(?:(?:proxy-)?authorization|(?:set-)?cookie)["']?\s*[:=])[^\r\n]+/gi,
  },
  { needs: / /, pattern: /(?<keep>\bbearer +)[\w.~+/=-]{16,}/gi },
  // https://user:password@host
  { needs: /:\/\//, pattern: /(?<keep>:\/\/[^\s/?#:@]*:)[^\s/?#]+(?=@)/g },
  {
    needs: /gh[oprsu]_|github_pat_|npm_|A[KS]IA|AIza|glpat-|xox|sk-|eyJ|ctr\./,
    pattern: new RegExp(`(?<keep>)(?:${tokens})`, "g"),
  },
  { needs: /code=/i, pattern: /(?<keep>\bcode=)[^\s&"'#;]+/gi },
  {
    needs: /[:=]/,
    pattern: new RegExp(
      String.raw`(?<keep>(?:${names})\\*["']?[ \t]*(?::|=>?)[ \t]*(?:\\*["'])?)(?:${values})`,
      "gim",
    ),
  },
  // A flag, and its value behind a space.
  {
    needs: /--/,
    pattern: new RegExp(
      String.raw`(?<keep>(?<![\w-])--[\w-]*(?:${names}) +["']?)(?:(?<=")[^"\r\n]+|(?<=')[^'\r\n]+|(?<= )[^\s"'-][^\s"']*)`,
      "gi",
    ),
  },
];
