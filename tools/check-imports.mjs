// Refuses an import against the packages' order, a Node module where a browser must run, and a cycle between files.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname ?? ".", "..");
/** What each package may import; tests, `testing.ts` and `testing/` folders may use `node-gpu` besides. */
const allowed = {
  "kernels-wgsl": [],
  tensor: ["kernels-wgsl"],
  nn: ["kernels-wgsl", "tensor"],
  data: [],
  train: ["tensor", "nn", "data"],
  "node-gpu": [],
  cli: ["kernels-wgsl", "tensor", "nn", "data", "train", "node-gpu"],
};
const browser = new Set(["kernels-wgsl", "tensor", "nn"]);

function* sources(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith(".ts") && !entry.name.endsWith(".wgsl.ts")) yield path;
  }
}

const problems = [];
/** Imports that exist at run time, by file. */
const graph = new Map();
for (const [name, mayImport] of Object.entries(allowed)) {
  for (const file of sources(join(root, "packages", name, "src"))) {
    const text = readFileSync(file, "utf8");
    const isTest = /\.test\.ts$|\/testing(\.ts$|\/)/.test(file);
    const targets = [];
    for (const [, keyword, clause, from] of text.matchAll(/^(import|export)\s([^;]*?)\sfrom\s"([^"]+)"/gms)) {
      const where = `${relative(root, file)}: ${keyword}s "${from}"`;
      const other = /^@lobule\/([\w-]+)/.exec(from)?.[1];
      if (other !== undefined) {
        if (!mayImport.includes(other) && !(isTest && other === "node-gpu"))
          problems.push(`${where}; ${name} may import ${mayImport.join(", ") || "no other package"}`);
      } else if (from.startsWith(".")) {
        if (!clause.startsWith("type ")) targets.push(resolve(dirname(file), from.replace(/\.js$/, ".ts")));
      } else if (browser.has(name) && !isTest)
        problems.push(`${where}; this package must run in a browser and depends on nothing else`);
    }
    if (browser.has(name) && !isTest && /\b(process\.|require\(|__dirname|Buffer\.)/.test(text))
      problems.push(`${relative(root, file)}: uses Node's globals; it must run in a browser`);
    graph.set(file, targets);
  }
}

const state = new Map();
function visit(file, path) {
  if (state.get(file) === "done" || !graph.has(file)) return;
  if (state.get(file) === "open") {
    problems.push(
      `import cycle: ${[...path.slice(path.indexOf(file)), file].map((each) => relative(root, each)).join(" → ")}`,
    );
    return;
  }
  state.set(file, "open");
  for (const target of graph.get(file)) visit(target, [...path, file]);
  state.set(file, "done");
}
for (const file of graph.keys()) visit(file, []);

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`imports: ${graph.size} files, no wrong direction, no cycle`);
