// Compiles the examples of all READMEs against the packages that a folder has installed, as programs of others would be.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readmeExamples } from "./manifest-problems.mjs";
import { run } from "./run.mjs";
import { hasNodeTypes, root } from "./workspaces.mjs";

const tsc = join(root, "node_modules/typescript/bin/tsc");

/** As Node finds modules, and as bundlers do, whose pages are without Node's types. */
const resolutions = [
  { module: "nodenext", moduleResolution: "nodenext", types: ["node"] },
  { module: "esnext", moduleResolution: "bundler", types: [] },
];

/** With everything that TypeScript can check, the packages' own declarations too. */
const strictest = {
  target: "es2023",
  lib: ["es2023", "dom"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

/**
 * @param folder below a folder with node_modules; the programs are written into it.
 * @returns how many programs there are.
 * @throws Error when one does not compile.
 */
export async function compileExamples(folder, workspaces) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  const programs = workspaces.flatMap((workspace) => {
    const examples = readmeExamples(workspace);
    if (examples.length === 0) throw new Error(`${join(workspace.folder, "README.md")} has no example in TypeScript`);
    const name = workspace.manifest.name.replace("@", "").replace("/", "-");
    return examples.map((text, i) => ({ file: `${name}-${i + 1}.ts`, text, inPages: !hasNodeTypes(workspace) }));
  });
  for (const { file, text } of programs) writeFileSync(join(folder, file), text);
  for (const { moduleResolution, ...resolution } of resolutions) {
    const chosen = programs.filter(({ inPages }) => inPages || moduleResolution === "nodenext");
    const path = join(folder, `tsconfig.${moduleResolution}.json`);
    const compilerOptions = { ...strictest, ...resolution, moduleResolution };
    writeFileSync(path, JSON.stringify({ compilerOptions, files: chosen.map(({ file }) => file) }, null, 2));
    await run(process.execPath, [tsc, "-p", path], { cwd: folder });
  }
  return programs.length;
}
