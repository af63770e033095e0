/** What went wrong, as a sentence for the page: with a capital and a stop, without a stack. */
export function sentenceOf(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).trim();
  const sentence = text === "" ? "Something failed that says nothing of itself" : text;
  const first = sentence.charAt(0).toUpperCase() + sentence.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}
