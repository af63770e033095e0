import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin } from "vitest/config";

const packages = [
  "kernels-wgsl",
  "tensor",
  "nn",
  "optim",
  "data",
  "metrics",
  "train",
  "report",
  "software-adapter",
  "node",
];

/** Loads `x.wgsl.js` from the WGSL file itself, so that a test never sees a stale embedded text. */
const wgsl: Plugin = {
  name: "wgsl",
  enforce: "pre",
  resolveId(id, importer) {
    if (!id.endsWith(".wgsl.js") || importer === undefined) return null;
    return fileURLToPath(new URL(id.replace(/\.js$/, ""), `file://${importer}`));
  },
  load(id) {
    return id.endsWith(".wgsl") ? `export default ${JSON.stringify(readFileSync(id, "utf8"))}` : null;
  },
};

export default defineConfig({
  plugins: [wgsl],
  resolve: {
    alias: Object.fromEntries(
      [...packages.map((name) => `packages/${name}`), "bench"].map((folder) => [
        `@lobule/${basename(folder)}`,
        fileURLToPath(new URL(`./${folder}/src/index.ts`, import.meta.url)),
      ]),
    ),
  },
  test: {
    include: ["packages/*/src/**/*.test.ts", "bench/src/**/*.test.ts", "examples/**/*.test.ts", "tests/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    // SwiftShader compiles every kernel anew in each process.
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
  },
});
