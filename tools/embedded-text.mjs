/** Comments, but for the mark that a constant is set by. */
const withoutComments = (text) =>
  text
    .replaceAll(/^[ \t]*\/\/.*\n/gm, "")
    .replaceAll(/[ \t]*\/\/( tunable\b)?.*$/gm, (_, mark) => (mark === undefined ? "" : ` //${mark}`));

const operator = /[-+*/%&|^=!<>~]/;

/** White space that separates nothing: what stands beside it is read the same without, neither two words nor two operators. */
function isNeedless(before, after) {
  if (/\w/.test(before)) return !/\w/.test(after);
  return !(operator.test(before) && operator.test(after));
}

const withoutNeedlessSpace = (text) =>
  text
    .replaceAll(/\s+/g, (space, at) => (isNeedless(text[at - 1] ?? "", text[at + space.length] ?? "") ? "" : " "))
    .replaceAll(/,(?=[)}])/g, "");

/** Identifiers that are no member of something: what follows a point, an at sign, or names a builtin is none. */
const identifier = /(?<![\w.@]|@builtin\()[A-Za-z_]\w*/g;

const declaredOutside = /^(?:fn|struct|alias|const|override|.*\bvar<[^>]*>) (\w+)/gm;

/**
 * The shortest name that is free: a letter of the name itself, from its first on, or that as a capital; else a number goes behind it.
 * So what has the same name in two files mostly has the same short one too, by which the texts of both compress together.
 */
function shortName(name, used) {
  const letters = [...name.toLowerCase().replaceAll(/[^a-z]/g, ""), name[0].toUpperCase()];
  let short = letters.find((letter) => !used.has(letter));
  for (let number = 2; short === undefined; number++) if (!used.has(name[0] + number)) short = name[0] + number;
  return short;
}

/**
 * A function whose parameters and variables have short names that nothing else has which it speaks of. A name of the file's own
 * definitions or of a function that is called stays, and so does one that is short.
 */
function withShortNames(definition, kept) {
  const parameters = definition.slice(0, definition.indexOf("{")).match(/\w+(?=:)/g) ?? [];
  const variables = [...definition.matchAll(/\b(?:let|var|const) (\w+)/g)].map(([, name]) => name);
  const called = new Set(definition.match(/\w+(?=\()/g));
  const names = new Map();
  const used = new Set([...kept, ...(definition.match(identifier) ?? [])]);
  for (const name of [...parameters, ...variables]) {
    if (names.has(name) || name.length < 3 || kept.has(name) || called.has(name)) continue;
    const short = shortName(name, used);
    used.add(short);
    names.set(name, short);
  }
  return definition.replaceAll(identifier, (name) => names.get(name) ?? name);
}

/**
 * The text of a WGSL file as packages hold it: without comments, without white space in functions and structs that
 * compilers do not need, and with short names for what a function declares for itself. Definitions still begin at the start of
 * a line, and bindings, constants and aliases stay a line each, by which transforms find them.
 */
export function embeddedText(source) {
  const text = withoutComments(source);
  const kept = new Set([...text.matchAll(declaredOutside)].map(([, name]) => name));
  let result = "";
  for (let at = 0; at < text.length; ) {
    const definition = /^(?:fn|struct) /gm;
    definition.lastIndex = at;
    const start = definition.exec(text)?.index ?? text.length;
    const end = endOfBraces(text, start);
    const dense = withoutNeedlessSpace(text.slice(start, end));
    result += text.slice(at, start) + (dense.startsWith("fn ") ? withShortNames(dense, kept) : dense);
    at = end;
  }
  return result.replaceAll(/\n{2,}/g, "\n").trimStart();
}

/** Where the braces end that begin first after `start`. */
function endOfBraces(text, start) {
  let depth = 0;
  for (let at = text.indexOf("{", start); at >= 0 && at < text.length; at++) {
    if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at + 1;
  }
  return text.length;
}
