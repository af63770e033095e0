import stringWidth from "string-width";

const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Control and format characters, line separators and halves of surrogate pairs: what moves the cursor, colors, deletes,
 * or turns the direction of writing. The two joiners, which Persian, Indic scripts and emoji are spelled with, are none.
 */
const unprintable = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = (digits: number): string => code.toString(16).padStart(digits, "0");
  return names[character] ?? (code < 0x100 ? `\\x${hex(2)}` : code < 0x10000 ? `\\u${hex(4)}` : `\\u{${hex(5)}}`);
}

/**
 * One line of text that says what it holds and does nothing else on a terminal: "\x1b[2J", "\n" and "\u202e" in place of
 * the characters. Text without such characters stays as it is, and so does text that went through here before.
 */
export const visibleText = (text: string): string => text.replace(unprintable, escapeOf);

/** The same for JSON text, which still holds the same values: such characters occur in its strings alone. */
export const visibleJson = (text: string): string =>
  text.replace(unprintable, (character) =>
    character === "\n"
      ? character
      : Array.from(
          { length: character.length },
          (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
        ).join(""),
  );

/** Columns of a terminal that a text takes; most characters of Chinese, Japanese and Korean take two. */
export const textWidth = (text: string): number => stringWidth(text);

/** Text of at most so many columns, made visible: from the middle of a longer one "…" stands for a part. */
export function cutText(text: string, width: number): string {
  if (width < 1) return "";
  const whole = visibleText(text);
  if (textWidth(whole) <= width) return whole;
  const characters = [...new Intl.Segmenter().segment(whole)].map(({ segment }) => segment);
  const start = fitting(characters, Math.ceil(width / 2) - 1);
  const end = fitting(characters.toReversed(), Math.floor(width / 2)).reverse();
  return `${start.join("")}…${end.join("")}`;
}

/** The first characters, as many as fit. */
function fitting(characters: readonly string[], width: number): string[] {
  let left = width;
  const beyond = characters.findIndex((character) => {
    left -= textWidth(character);
    return left < 0;
  });
  return characters.slice(0, beyond === -1 ? characters.length : beyond);
}

/** `cutText`, filled up with spaces to exactly that width. */
export function fitText(text: string, width: number): string {
  const cut = cutText(text, width);
  return cut + " ".repeat(Math.max(0, width - textWidth(cut)));
}
