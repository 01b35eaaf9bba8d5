/** Pieces that several keys of the configuration schema share. */

export const profile = {
  type: "string",
  enum: ["read-only", "full"],
} as const;

/** A secret never stands in the file itself. */
export const reference = {
  type: "string",
  pattern: "^\\$\\{(?:env:[A-Za-z_][A-Za-z0-9_]*|(?:credential|keychain):[A-Za-z0-9_.-]+)\\}$",
} as const;

export const duration = {
  type: "string",
  pattern: "^[0-9]{1,6}[smhd]$",
} as const;

export const paths = {
  type: "array",
  default: [],
  items: { type: "string", minLength: 1 },
} as const;

/** An IPv6 address stands in brackets. */
export const address = {
  type: "string",
  pattern: "^(?:\\[[0-9A-Fa-f:.]+\\]|[0-9.]+|localhost):[0-9]{1,5}$",
} as const;
