// Uses the tarballs as others would: in an empty folder, installed from them alone.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { compileExamples } from "./examples.mjs";
import { run } from "./run.mjs";
import { publishedWorkspaces, root } from "./workspaces.mjs";

const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];

/** The version of a development tool that this repository has installed. */
const installed = (name) =>
  `${name}@${JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version}`;

/** Installs the tarballs into a new folder, and from the registry what they depend on. */
export async function installTarballs(folder, tarballs) {
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
  await run("npm", ["install", ...quiet, ...tarballs.map(({ path }) => path)], { cwd: folder });
}

const lobule = (folder, ...words) => run("npx", ["--no-install", "lobule", ...words], { cwd: folder });

/** `lobule doctor`, on the best adapter and on the one that was installed. */
export async function proveDoctor(folder) {
  const embedded = process.platform === "linux" && process.arch === "x64" ? [["--device", "swiftshader"]] : [];
  const names = [];
  for (const words of [[], ...embedded]) {
    const { adapter, passed } = JSON.parse(await lobule(folder, "doctor", "--json", ...words));
    if (!passed) throw new Error(`the self-test failed on ${adapter.name}`);
    names.push(adapter.kind);
  }
  return names.join(", ");
}

/** A phantom of three cases of three slices, of which two are trained on, two slices a step: three steps. */
export async function proveTraining(folder) {
  await lobule(folder, "phantom", "phantom", "--cases", "3", "--size", "16", "--slices", "3", "3");
  const sizes = ["--size", "16", "--base-features", "1", "--batch", "2", "--epochs", "1"];
  await lobule(folder, "train", "--data", "phantom", "--out", "run", ...sizes);
  const { step, training } = JSON.parse(readFileSync(join(folder, "run", "metrics.jsonl"), "utf8"));
  if (step !== 3 || !Number.isFinite(training.loss)) throw new Error(`step ${step} has the loss ${training.loss}`);
  return `${step} steps, loss ${training.loss.toFixed(4)}`;
}

/** The page's script: three training steps of the same text as in the browser tests. */
const page = `import { trainingSteps } from "./training-step";

Object.assign(globalThis, { trained: trainingSteps(navigator.gpu) });
`;

/** A page that Vite builds without configuration. @returns bytes of its script, minified and compressed by gzip. */
export async function provePage(folder) {
  await run("npm", ["install", ...quiet, "--save-dev", installed("vite"), installed("@types/node")], { cwd: folder });
  writeFileSync(join(folder, "index.html"), '<!doctype html><script type="module" src="/main.ts"></script>\n');
  writeFileSync(join(folder, "main.ts"), page);
  copyFileSync(join(root, "tests/browser/training-step.ts"), join(folder, "training-step.ts"));
  await run("npx", ["--no-install", "vite", "build"], { cwd: folder });
  const assets = join(folder, "dist/assets");
  return readdirSync(assets).reduce((sum, file) => sum + gzipSync(readFileSync(join(assets, file))).length, 0);
}

/** Opens the built page in the Chromium that arrives with npm. @returns the losses of its steps. */
export async function openPage(folder) {
  // The browser tests' own way to it.
  const outfile = join(root, "node_modules/.cache/lobule-release/chromium.mjs");
  await build({
    entryPoints: [join(root, "tests/browser/chromium.ts")],
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    outfile,
  });
  const { launch, serve, unpackChromium } = await import(pathToFileURL(outfile).href);
  const assets = join(folder, "dist/assets");
  const [script] = readdirSync(assets);
  const browserFolder = join(folder, "chromium");
  mkdirSync(browserFolder);
  await unpackChromium(browserFolder);
  const [server, address] = await serve(new Map([[`/${script}`, readFileSync(join(assets, script), "utf8")]]), script);
  const browser = await launch(browserFolder, join(browserFolder, "profile"));
  try {
    const opened = await browser.newPage();
    await opened.goto(address);
    await opened.waitForFunction("globalThis.trained !== undefined");
    const { losses } = await opened.evaluate("globalThis.trained");
    if (losses.length !== 3 || !losses.every(Number.isFinite)) throw new Error(`the page's losses are ${losses}`);
    return losses;
  } finally {
    await browser.close();
    server.close();
  }
}

/** The READMEs' examples, against what is installed. */
export const proveTypes = (folder) => compileExamples(join(folder, "examples"), publishedWorkspaces());
