// Makes the README's picture of the studio: the example scan, segmented in a headless browser by the model that comes with
// the page. Usage: npm run docs:picture [FILE.png]
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";

const root = resolve(import.meta.dirname ?? ".", "..");
// Beside the tests that open the studio, so that its packages are found.
const script = join(root, "tests/studio/.picture.mjs");
const picture = resolve(process.argv[2] ?? join(root, "docs/studio.png"));

mkdirSync(join(picture, ".."), { recursive: true });
try {
  await build({
    entryPoints: [join(root, "tests/studio/picture.ts")],
    outfile: script,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
  });
  const { status } = spawnSync(process.execPath, [script, picture], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(script, { force: true });
}
