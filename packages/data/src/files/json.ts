import { DataError } from "../data-error.js";

/** Nothing that is written or read here is nested deeper; what walks a value by recursion must not run out of stack. */
const deepest = 100;
/** Characters of a key: more than a file's name can have. Messages name keys. */
const longestKey = 256;

/**
 * The value of a JSON text. A byte order mark before it is passed over.
 * @param source what the text is, such as the path of its file, for the message.
 * @throws DataError where the text is no JSON, is nested more than 100 deep, has a key of more than 256 characters, or
 * gives a key of an object twice, of which one value would be lost.
 */
export function parseJsonText(text: string, source: string): unknown {
  const content = text.startsWith("\uFEFF") ? text.slice(1) : text;
  if (content.trim() === "") throw new DataError(`${source} is empty, where JSON is expected`);
  const flaw = new JsonScan(content).flaw();
  if (flaw !== undefined) {
    const lines = content.slice(0, flaw.offset).split("\n");
    const where = `line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`;
    throw new DataError(`${source} is not valid JSON: ${flaw.what} at ${where}`);
  }
  return JSON.parse(content);
}

interface Flaw {
  /** Of the first character that does not fit. */
  readonly offset: number;
  readonly what: string;
}

const space = /[ \t\r\n]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
/** All but quotation marks, backslashes and control characters. */
const plainText = /[ !#-[\]-\uffff]*/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/**
 * Looks for where a text leaves the grammar of JSON, is too deep, or gives a key twice. JSON.parse says the first
 * without a place and knows nothing of the others.
 * Source: RFC 8259.
 */
class JsonScan {
  private at = 0;
  /** The keys of each object that the scan is in, undefined for an array; the innermost comes last. */
  private readonly open: (Set<string> | undefined)[] = [];

  constructor(private readonly text: string) {}

  flaw(): Flaw | undefined {
    this.pass(space);
    for (;;) {
      const keys = this.open.at(-1);
      const what = (keys === undefined ? undefined : this.key(keys)) ?? this.value();
      if (what !== undefined) return { offset: this.at, what };
      if (this.open.length === 0) return this.at === this.text.length ? undefined : this.unexpected();
    }
  }

  /** A key and its colon; what is wrong with them. */
  private key(keys: Set<string>): string | undefined {
    const start = this.at;
    if (!this.string()) return this.unexpected().what;
    if (this.at - start > longestKey + 2) {
      this.at = start;
      return `a key has more than ${longestKey} characters`;
    }
    const quoted = this.text.slice(start, this.at);
    const key = String(JSON.parse(quoted));
    if (keys.has(key)) {
      this.at = start;
      return `the key ${quoted.length > 40 ? `${quoted.slice(0, 40)}…` : quoted} comes twice`;
    }
    keys.add(key);
    this.pass(space);
    return this.take(":") ? undefined : this.unexpected().what;
  }

  /** A value, or the beginning of an object or array, and what closes after it; what is wrong with them. */
  private value(): string | undefined {
    const opener = this.text[this.at];
    if (opener === "{" || opener === "[") {
      if (this.open.length === deepest) return `values are nested more than ${deepest} deep`;
      this.take(opener);
      const closer = opener === "{" ? "}" : "]";
      if (this.text[this.at] !== closer) {
        this.open.push(opener === "{" ? new Set() : undefined);
        return undefined;
      }
      this.take(closer);
    } else if (this.string() || this.pass(scalar)) this.pass(space);
    else return this.unexpected().what;
    while (this.open.length > 0 && !this.take(",")) {
      if (!this.take(this.open.at(-1) === undefined ? "]" : "}")) return this.unexpected().what;
      this.open.pop();
    }
    return undefined;
  }

  /** Passes a string, or stops where it breaks off. */
  private string(): boolean {
    if (this.text[this.at] !== '"') return false;
    this.at++;
    do this.pass(plainText);
    while (this.pass(escaped));
    if (this.text[this.at] !== '"') return false;
    this.at++;
    return true;
  }

  /** Passes a character and the space behind it. */
  private take(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at++;
    return this.pass(space);
  }

  private pass(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const found = pattern.test(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }

  private unexpected(): Flaw {
    const found = this.text.codePointAt(this.at);
    const what = found === undefined ? "the text ends" : `unexpected ${JSON.stringify(String.fromCodePoint(found))}`;
    return { offset: this.at, what };
  }
}
