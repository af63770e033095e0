// Refuses an import against the order of packages or of the folders of one, a Node module where a browser must run, a
// cycle between files, and a file that is opened without looking at what it is. Imports of types count as any other.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

const root = resolve(import.meta.dirname ?? ".", "..");
/** What each package may import; tests, `testing.ts` and `testing/` folders may use `node` besides. */
const allowed = {
  "kernels-wgsl": [],
  tensor: ["kernels-wgsl"],
  nn: ["kernels-wgsl", "tensor"],
  optim: ["tensor", "nn"],
  data: ["kernels-wgsl"],
  dicom: ["data"],
  metrics: ["data"],
  train: ["tensor", "nn", "optim", "data", "metrics"],
  interop: ["tensor", "nn", "data", "train"],
  report: ["tensor", "nn", "optim", "data", "metrics", "train"],
  "software-adapter": [],
  node: ["data", "software-adapter"],
  web: ["data"],
  mpi: ["node", "train"],
  bench: ["kernels-wgsl", "tensor", "nn", "optim", "data", "metrics", "train", "report", "node"],
  lobule: ["tensor", "nn", "data", "metrics", "train", "interop", "report", "node", "mpi", "bench", "dicom"],
  studio: ["bench", "tensor", "nn", "data", "metrics", "train", "report", "web"],
};
/** Folders of packages that are not in packages/. */
const elsewhere = { bench: "bench", studio: "apps/studio" };
const sourceOf = (name) => join(root, elsewhere[name] ?? `packages/${name}`, "src");
/**
 * Folders of `src`, lowest first: each may import from itself and from what stands before it. `rest` stands for all that
 * are not named. Files of `src` itself are below all folders, its index.ts or main.tsx is above; tests may import anything.
 */
const rest = "*";
const folders = {
  "kernels-wgsl": ["contract", "transforms", rest],
  tensor: ["graph", "ops", "compiler", "device", "tune"],
  train: ["collective", "json", "settings", "run", "evaluation", "model", "trainer", "plan", "predict"],
  studio: ["parts", "worker", "engine", rest, "shell"],
  report: ["page", "picture", "augmentation", "tensorboard", "evaluation", "comparison", "run", "crossval", "live"],
};
/** What reads a file, and what opens one; both wait for ever at a pipe or a device, or fill the memory. */
const reads = /\b(readFile|readFileSync|readSync|createReadStream|openAsBlob)\b/;
const opens = /\b(open|openSync)\b/;
/** Where that may be: open-file.ts, which is what the others are to use, and what knows its files. */
const mayRead = new Set([
  "packages/lobule/src/version.ts", // its own package.json
  "packages/node/src/lock/process-identity.ts", // what the system says of processes, in /proc
  "bench/src/parts/peak-memory.ts", // likewise
  "packages/node/src/headless-manifests.ts", // the drivers' manifests, which the system's loader reads as well
]);
const mayOpen = new Set([
  // Its /dev/null takes the place of the error stream.
  "packages/node/src/quiet-drivers.ts",
  "packages/node/src/storage/open-file.ts",
  // These make the files that they open, or look at them first.
  "packages/node/src/storage/partial-file.ts",
  "packages/node/src/storage/growing-file.ts",
  "packages/node/src/lock/folder-lock.ts",
]);
/** Node's recursive mkdir never returns where a folder refuses new ones as /proc does; makeFolder is to be used. */
const makesFolders = /mkdir(Sync)?\([^;]*recursive/;
/** Packages that use nothing but what a browser and Node both have, and of these those that use no library either. */
const anywhere = new Set([
  "kernels-wgsl",
  "tensor",
  "nn",
  "optim",
  "data",
  "dicom",
  "metrics",
  "train",
  "interop",
  "report",
  "web",
]);
/** Of a package that needs Node, the file through which others reach what does not. */
const anywhereFrom = join(root, "bench/src/kernels.ts");
const alone = new Set(["kernels-wgsl", "tensor", "nn", "optim", "metrics"]);

function* sources(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.tsx?$/.test(entry.name) && !entry.name.endsWith(".wgsl.ts")) yield path;
  }
}

/** The file that an import of its compiled name means. */
function sourceFile(path) {
  const source = path.replace(/\.js(\?worker)?$/, ".ts");
  return existsSync(`${source}x`) ? `${source}x` : source;
}

function rankOf(name, file) {
  const order = folders[name];
  if (order === undefined) return 0;
  const [folder, ...below] = relative(sourceOf(name), file).split(sep);
  if (below.length === 0) return /^(index|main)\.tsx?$/.test(folder) ? order.length : -1;
  return order.includes(folder) ? order.indexOf(folder) : order.indexOf(rest);
}

const problems = [];
/** Imports by file, and of these the files that need Node. */
const graph = new Map();
const needsNode = new Set();
for (const [name, mayImport] of Object.entries(allowed)) {
  for (const file of sources(sourceOf(name))) {
    const text = readFileSync(file, "utf8");
    const isTest = /\.test\.ts$|\/testing(\.ts$|\/)/.test(file);
    const targets = [];
    for (const [, keyword, clause, from] of text.matchAll(/^(import|export)\s([^;]*?)\sfrom\s"([^"]+)"/gms)) {
      const path = relative(root, file);
      if (!isTest && /^node:fs/.test(from)) {
        if (/\*/.test(clause)) problems.push(`${path}: imports all of ${from}; name what is used`);
        if (reads.test(clause) && !mayRead.has(path))
          problems.push(`${path}: reads a file itself; readBytes, readText and readJson of @lobule/data do it safely`);
        if (opens.test(clause) && !mayOpen.has(path))
          problems.push(`${path}: opens a file itself; a storage does it safely`);
      }
      const where = `${path}: ${keyword}s "${from}"`;
      if (/^(node:|@lobule\/(node|bench$))/.test(from)) {
        needsNode.add(file);
        if (name === "studio" && !isTest) problems.push(`${where}, which needs Node`);
      }
      const other = /^@lobule\/([\w-]+)/.exec(from)?.[1];
      if (other !== undefined) {
        if (!mayImport.includes(other) && !(isTest && other === "node"))
          problems.push(`${where}; ${name} may import ${mayImport.join(", ") || "no other package"}`);
      } else if (from.startsWith(".")) {
        const target = sourceFile(resolve(dirname(file), from));
        targets.push(target);
        if (!isTest && rankOf(name, target) > rankOf(name, file))
          problems.push(`${where}; the order of folders is ${folders[name].join(" ← ")}`);
      } else if (!isTest && alone.has(name))
        problems.push(`${where}; this package must run in a browser and depends on nothing else`);
      else if (!isTest && anywhere.has(name) && from.startsWith("node:"))
        problems.push(`${where}; this package must run in a browser`);
    }
    if (anywhere.has(name) && !isTest && /\b(process\.\w|require\(|__dirname|Buffer\.)/.test(text))
      problems.push(`${relative(root, file)}: uses Node's globals; it must run in a browser`);
    if (!isTest && makesFolders.test(text))
      problems.push(`${relative(root, file)}: makes folders itself; that of a storage always returns`);
    graph.set(file, targets);
  }
}

/** What a test's name must say: that it opens a device, or runs what was built in a process of its own. */
const opensDevice = /\b(openGpu|openNullGpu|testDevice|adapterChoice)\(/;
const runsBuilt = /\brun(Command|Script)\b|\.\.\/bin\/lobule\.js"|playwright/;
const takesDawnsPlace = /vi\.mock\("\.\/dawn\.js"|vi\.stubGlobal\("navigator"/;
for (const folder of ["packages", "bench/src", "examples/src", "tests"]) {
  for (const file of sources(join(root, folder))) {
    if (!file.endsWith(".test.ts") || file.endsWith(".e2e.test.ts")) continue;
    const text = readFileSync(file, "utf8");
    const path = relative(root, file);
    if (runsBuilt.test(text)) problems.push(`${path}: runs what was built; name it *.e2e.test.ts`);
    else if (opensDevice.test(text) && !file.endsWith(".device.test.ts") && !takesDawnsPlace.test(text))
      problems.push(`${path}: opens a device; name it *.device.test.ts`);
  }
}

for (const [, file] of readFileSync(join(root, "tests/left-to-all.ts"), "utf8").matchAll(/"(.*\.test\.ts)"/g)) {
  if (!existsSync(join(root, file))) problems.push(`tests/left-to-all.ts: there is no ${file}`);
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

const reached = new Set([anywhereFrom]);
for (const file of reached) {
  for (const target of graph.get(file) ?? []) reached.add(target);
  if (needsNode.has(file)) problems.push(`${relative(root, file)}: is used in browsers, and needs Node`);
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`imports: ${graph.size} files, no wrong direction, no cycle`);
