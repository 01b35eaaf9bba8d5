/**
 * `value` as JSON that may be shown on a terminal: DEL, the C1 control characters and those that reorder a line, which
 * JSON.stringify leaves as they are, become `\uXXXX`. Any reader gets the same value. `indent`: spaces, none unless told.
 */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\p{Bidi_Control}]/gu,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
