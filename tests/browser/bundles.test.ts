import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, test } from "vitest";

const entry = (name: string): string => fileURLToPath(new URL(`../../packages/${name}/dist/index.js`, import.meta.url));
const anywhere = ["kernels-wgsl", "tensor", "nn", "optim", "data", "metrics", "train", "report", "web"];

test.each(anywhere)("%s is bundled for a browser without one module of Node", async (name) => {
  const { metafile, warnings } = await build({
    entryPoints: [entry(name)],
    alias: Object.fromEntries(anywhere.map((each) => [`@lobule/${each}`, entry(each)])),
    bundle: true,
    write: false,
    metafile: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    logLevel: "silent",
  });
  expect(warnings).toEqual([]);
  expect(Object.keys(metafile.inputs).filter((path) => path.includes("packages/node/"))).toEqual([]);
  expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([]);
});
