// Makes every kernel's `.wgsl` file importable: writes `<name>.wgsl.ts` beside it, whose default export is the text as
// `embedded-text.mjs` shortens it. The `.wgsl` file stays the source; the generated module is ignored by git.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { embeddedText } from "./embedded-text.mjs";

const root = new URL("..", import.meta.url).pathname;

function* wgslFiles(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && entry.name !== "node_modules" && entry.name !== "dist") yield* wgslFiles(path);
    else if (entry.name.endsWith(".wgsl")) yield path;
  }
}

for (const path of ["packages", "examples"].flatMap((each) => [...wgslFiles(join(root, each))])) {
  const text = `/** The text of the WGSL file of the same name, without what compilers do not read. */\nexport default ${JSON.stringify(embeddedText(readFileSync(path, "utf8")))} as string;\n`;
  const target = `${path}.ts`;
  let current = "";
  try {
    current = readFileSync(target, "utf8");
  } catch {
    // first run
  }
  if (current !== text) writeFileSync(target, text);
}
