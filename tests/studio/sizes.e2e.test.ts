import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildPage } from "./open-studio.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const gzipped = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length;

/** The 3D viewer with what it decodes files of its own with: loaded once it is looked at. */
const ofViewer = /^assets\/(solid-view|blosc|lz4|zstd|chunk)-/;

/** A minified module, and the names that it exports. */
async function bundle(contents: string): Promise<{ readonly text: string; readonly exported: readonly string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    target: "es2023",
  });
  return {
    text: outputFiles.map(({ text }) => text).join(""),
    exported: Object.values(metafile.outputs).flatMap(({ exports }) => exports),
  };
}

/**
 * Bytes of everything that packages export, minified and compressed, but for the names of the exports, which a page's own
 * build drops. Each is exported under a name of its own: `export *` leaves out what two packages export by the same name.
 */
async function packed(...names: readonly string[]): Promise<number> {
  const lines = await Promise.all(
    names.map(async (name, i) => {
      const { exported } = await bundle(`export * from "@lobule/${name}";`);
      expect(exported.length).toBeGreaterThan(20);
      return exported.map((each, k) => `export { ${each} as e${i}_${k} } from "@lobule/${name}";`);
    }),
  );
  const { text } = await bundle(lines.flat().join("\n"));
  const list = /export\{[^{}]*\};?\s*$/;
  expect(text).toMatch(list);
  return gzipped(Buffer.from(text.replace(list, "")));
}

describe("the page is small, minified and compressed by gzip", () => {
  let folder: string;
  let files: Map<string, Buffer>;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-sizes-"));
    await buildPage(folder);
    const scripts = (await readdir(join(folder, "assets"))).map((name) => `assets/${name}`);
    const own = ["index.html", "service-worker.js", ...scripts];
    files = new Map(
      await Promise.all(own.map(async (name) => [name, await readFile(join(folder, name))] as [string, Buffer])),
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("kernels, tensors and networks under 110 KB", async () => {
    const bytes = await packed("kernels-wgsl", "tensor", "nn");
    console.info(`kernels-wgsl, tensor and nn: ${(bytes / 1e3).toFixed(1)} kB`);
    expect(bytes).toBeLessThan(110e3);
  });

  test("all of it but the 3D viewer under 350 KB", () => {
    const sizes = [...files]
      .filter(([name]) => !ofViewer.test(name))
      .map(([name, bytes]) => [name, gzipped(bytes)] as const);
    for (const [name, bytes] of sizes) console.info(`${name}: ${(bytes / 1e3).toFixed(1)} kB`);
    const all = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
    console.info(`all: ${(all / 1e3).toFixed(1)} kB`);
    expect(all).toBeLessThan(350e3);
  });

  test("the page loads no part of the viewer by itself", () => {
    expect(files.get("index.html")?.toString()).not.toMatch(/solid-view|blosc|lz4|zstd/);
    const script = [...files].find(([name]) => /^assets\/index-.*\.js$/.test(name))?.[1].toString() ?? "";
    expect(script).toMatch(/import\(.\.\/solid-view-/);
    expect(script).not.toMatch(/(from|import)\s*["'`]\.\/solid-view-/);
  });

  test("scripts are minified, those of workers too, and there is one for all workers", () => {
    const scripts = [...files].filter(([name]) => name.endsWith(".js") && !ofViewer.test(name));
    for (const [name, bytes] of scripts)
      expect(bytes.toString().match(/\bfunction [A-Za-z]\w{7,}\(/g) ?? [], name).toEqual([]);
    expect(scripts.filter(([name]) => name.includes("worker-")).map(([name]) => name.replace(/-.*/, ""))).toEqual([
      "assets/engine",
    ]);
  });
});
