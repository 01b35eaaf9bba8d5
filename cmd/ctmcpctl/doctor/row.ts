/** What one look found. */
export interface Row {
  /** Stable: what was looked at, for scripts. */
  readonly id: string;
  readonly status: "ok" | "warn" | "fail";
  /** One sentence. */
  readonly text: string;
  /** What to do, or null when nothing needs doing. */
  readonly hint: string | null;
}

export function ok(id: string, text: string): Row {
  return { id, status: "ok", text, hint: null };
}

/** It works, and should be looked at. */
export function warn(id: string, text: string, hint: string): Row {
  return { id, status: "warn", text, hint: hint || null };
}

/** It does not work. */
export function fail(id: string, text: string, hint: string): Row {
  return { id, status: "fail", text, hint: hint || null };
}
