const maxCharacters = 100;

/** What a stranger sent, short enough to repeat in an answer: its first 100 characters. */
export function brief(text: string): string {
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}...` : text;
}
