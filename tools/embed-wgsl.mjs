// Makes every kernel's `.wgsl` file importable: writes `<name>.wgsl.ts` beside it, whose default export is the text without
// its comments, a third of what it takes once compressed. The `.wgsl` file stays the source; the generated module is ignored
// by git.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;

function* wgslFiles(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules" && entry.name !== "dist") yield* wgslFiles(path);
    else if (entry.name.endsWith(".wgsl")) yield path;
  }
}

/** Leaves out comments, but for the mark that a constant is set by. */
const withoutComments = (text) =>
  text
    .replaceAll(/^[ \t]*\/\/.*\n/gm, "")
    .replaceAll(/[ \t]*\/\/( tunable\b)?.*$/gm, (_, mark) => (mark === undefined ? "" : ` //${mark}`));

for (const path of ["packages", "examples"].flatMap((each) => [...wgslFiles(join(root, each))])) {
  const text = `/** The text of the WGSL file of the same name, without comments. */\nconst source: string = ${JSON.stringify(withoutComments(readFileSync(path, "utf8")))};\nexport default source;\n`;
  const target = `${path}.ts`;
  let current = "";
  try {
    current = readFileSync(target, "utf8");
  } catch {
    // first run
  }
  if (current !== text) writeFileSync(target, text);
}
