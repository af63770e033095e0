/** Characters that shells read as they are. */
const plain = /^[\w@%+=:,./-]+$/;
/** Those that no quotes can hold on one line, or that end a command in a message. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}`]/u;

/** A word as shells read it: Bash, Zsh and Ksh where it holds control characters or backquotes, else every POSIX shell. */
export function shellWord(word: string): string {
  if (plain.test(word)) return word;
  if (!unprintable.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
  const bytes = (character: string): string =>
    [...new TextEncoder().encode(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  const escaped = [...word].map((each) => (unprintable.test(each) || /['\\]/.test(each) ? bytes(each) : each));
  return `$'${escaped.join("")}'`;
}

/**
 * A command of this program within a message, in backquotes. The command line shows it without them, as the user can run
 * it: with the way in which the program was started.
 */
export const commandText = (...words: readonly string[]): string => `\`lobule ${words.map(shellWord).join(" ")}\``;
