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

/**
 * The text of a WGSL file as packages hold it: without comments, and without white space in functions and structs that
 * compilers do not need. Definitions still begin at the start of a line, and bindings, constants and aliases stay a line each,
 * by which transforms find them.
 */
export function embeddedText(source) {
  const text = withoutComments(source);
  let result = "";
  for (let at = 0; at < text.length; ) {
    const definition = /^(?:fn|struct) /gm;
    definition.lastIndex = at;
    const start = definition.exec(text)?.index ?? text.length;
    const end = endOfBraces(text, start);
    result += text.slice(at, start) + withoutNeedlessSpace(text.slice(start, end));
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
