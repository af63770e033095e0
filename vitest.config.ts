import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, type Plugin, type TestProjectInlineConfiguration } from "vitest/config";
import { leftToAll } from "./tests/left-to-all.js";

const packages = [
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
  "software-adapter",
  "node",
  "web",
  "mpi",
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

const tests = (ending: string): string[] =>
  ["packages/*/src", "apps/*/src", "bench/src", "examples/src", "tests"].map((folder) => `${folder}/**/*${ending}`);
const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * A test's project is in its name: `x.test.ts` computes without a device, `x.device.test.ts` opens one, `x.e2e.test.ts`
 * runs the built command or a tool as a process. Limits are for a busy machine that compiles every kernel: what they end
 * is a hang.
 */
export default defineConfig(({ mode }) => {
  const left = mode === "short" ? leftToAll : [];
  const withDevice = (name: string, ending: string): TestProjectInlineConfiguration => ({
    extends: true,
    test: { name, include: tests(ending), exclude: [...left], testTimeout: 300_000, hookTimeout: 300_000 },
  });
  return {
    plugins: [wgsl],
    resolve: {
      alias: Object.fromEntries([
        ["@lobule/bench/kernels", source("./bench/src/kernels.ts")],
        ...[...packages.map((name) => `packages/${name}`), "bench"].map((folder) => [
          `@lobule/${basename(folder)}`,
          source(`./${folder}/src/index.ts`),
        ]),
      ]),
    },
    test: {
      pool: "forks",
      maxWorkers: 2,
      reporters: ["default", [source("./tests/reporter.ts"), { left }]],
      projects: [
        {
          extends: true,
          resolve: { alias: { webgpu: source("./tests/no-device.ts") } },
          test: {
            name: "unit",
            include: tests(".test.ts"),
            exclude: tests(".{device,e2e}.test.ts"),
            testTimeout: 60_000,
            hookTimeout: 60_000,
          },
        },
        withDevice("device", ".device.test.ts"),
        withDevice("end-to-end", ".e2e.test.ts"),
      ],
    },
  };
});
