// Makes every kernel's `.wgsl` file importable: writes `<name>.wgsl.ts` beside it, whose default export is the text as
// `embedded-text.mjs` shortens it. The `.wgsl` file stays the source; the generated modules are ignored by git.
//
// All texts of a package are in one module, `src/kernels.wgsl.ts`, from which those beside the files export: kernels are much
// alike, and what is alike compresses well only where it stands close together, without the code of their launches between.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { embeddedText } from "./embedded-text.mjs";

const root = new URL("..", import.meta.url).pathname;

function* wgslFiles(directory) {
  const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* wgslFiles(path);
    else if (entry.name.endsWith(".wgsl")) yield path;
  }
}

/** The name of a file's text: `conv3x3-tiled.wgsl` has conv3x3Tiled. */
const nameOf = (path) => basename(path, ".wgsl").replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());

function write(path, text) {
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
}

const packages = readdirSync(join(root, "packages")).map((name) => join("packages", name));
for (const source of ["examples", ...packages].map((folder) => join(root, folder, "src")).filter(existsSync)) {
  const files = [...wgslFiles(source)];
  const texts = files.map((path) => {
    const text = JSON.stringify(embeddedText(readFileSync(path, "utf8")));
    return `/** The text of ${relative(source, path)}, without what compilers do not read. */\nexport const ${nameOf(path)}: string = ${text};\n`;
  });
  if (texts.length > 0) write(join(source, "kernels.wgsl.ts"), texts.join(""));
  for (const path of files) {
    const folder = relative(dirname(path), source) || ".";
    write(`${path}.ts`, `export { ${nameOf(path)} as default } from "${folder}/kernels.wgsl.js";\n`);
  }
}
