import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { headlessManifests } from "./headless-manifests.js";

const manifestOf = (library: string): string =>
  `{ "file_format_version": "1.0.1",\n  "ICD": { "library_path": "${library}", "api_version": "1.4.312" } }\n`;

let root: string;
let cache: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-manifests-"));
  cache = join(root, "cache");
  await mkdir(cache);
});
afterEach(() => rm(root, { recursive: true }));

/** Writes a manifest as a driver's package does. */
async function install(folder: string, name: string, text: string): Promise<string> {
  await mkdir(join(root, folder), { recursive: true });
  const path = join(root, folder, name);
  await writeFile(path, text);
  return path;
}

test("NVIDIA's manifest is copied with its other library, everything else as it is", async () => {
  const manifest = await install("icd.d", "nvidia_icd.json", manifestOf("libGLX_nvidia.so.0"));
  const [copy = "", ...others] = await headlessManifests([manifest], cache);
  expect(others).toEqual([]);
  expect(copy).toMatch(/cache\/nvidia_icd-headless-[0-9a-f]{12}\.json$/);
  expect(await readFile(copy, "utf8")).toBe(manifestOf("libEGL_nvidia.so.0"));
  expect(await readFile(manifest, "utf8")).toBe(manifestOf("libGLX_nvidia.so.0"));
  expect(await readdir(cache)).toEqual([basename(copy)]);
});

test("manifests of other libraries, broken ones and those that cannot be read are passed over", async () => {
  const manifests = [
    await install("icd.d", "radeon_icd.json", manifestOf("libvulkan_radeon.so")),
    await install("icd.d", "headless_icd.json", manifestOf("libEGL_nvidia.so.0")),
    await install("icd.d", "broken_icd.json", manifestOf("libGLX_nvidia.so.0").slice(0, -4)),
    join(root, "icd.d", "missing_icd.json"),
    join(root, "icd.d"),
  ];
  expect(await headlessManifests(manifests, cache)).toEqual([]);
  expect(await readdir(cache)).toEqual([]);
});

test("the same manifest in two folders gives one copy; it is written again only where it differs", async () => {
  const manifests = [
    await install("etc", "nvidia_icd.json", manifestOf("libGLX_nvidia.so.0")),
    await install("usr", "nvidia_icd.json", manifestOf("libGLX_nvidia.so.0")),
  ];
  const [copy = "", ...others] = await headlessManifests(manifests, cache);
  expect(others).toEqual([]);
  const { ino } = await stat(copy);
  expect(await headlessManifests(manifests, cache)).toEqual([copy]);
  expect((await stat(copy)).ino).toBe(ino);
  await writeFile(copy, "half of i");
  expect(await headlessManifests(manifests, cache)).toEqual([copy]);
  expect(await readFile(copy, "utf8")).toBe(manifestOf("libEGL_nvidia.so.0"));
  expect(await readdir(cache)).toEqual([basename(copy)]);
});
