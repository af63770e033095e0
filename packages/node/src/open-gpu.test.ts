import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as dawn from "./dawn.js";
import { adapterChoice } from "./open-gpu.js";

vi.mock("./dawn.js", { spy: true });

let root: string;
let manifest: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-open-"));
  manifest = join(root, "nvidia_icd.json");
  await writeFile(manifest, '{ "ICD": { "library_path": "libGLX_nvidia.so.0" } }');
  vi.stubEnv("VK_DRIVER_FILES", manifest);
  vi.stubEnv("XDG_CACHE_HOME", root);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.mocked(dawn.openDawn).mockReset();
  await rm(root, { recursive: true });
});

/** Lets Dawn find a GPU only where a manifest names `library`; returns the lists it was asked with. */
function dawnWith(library: string) {
  const lists: (readonly string[])[] = [];
  vi.mocked(dawn.openDawn).mockImplementation(async (files = []) => {
    lists.push(files);
    const texts = await Promise.all(files.map((path) => readFile(path, "utf8")));
    const info: GPUAdapterInfo = {
      __brand: "GPUAdapterInfo",
      description: "NVIDIA H200",
      device: "",
      vendor: "nvidia",
      architecture: "",
      subgroupMinSize: 32,
      subgroupMaxSize: 32,
      isFallbackAdapter: false,
    };
    return texts.some((text) => text.includes(library)) ? { gpu: {} as GPU, info } : null;
  });
  return lists;
}

// Elsewhere the platform finds its drivers by itself. An adapter that was opened stays: the failure comes first.
test.runIf(process.platform === "linux")("a GPU that both kinds of manifest hide is not there", async () => {
  const lists = dawnWith("libvulkan_other");
  await expect(adapterChoice({ adapter: "gpu" })).rejects.toThrow("show no GPU to this process");
  expect(lists).toEqual([[manifest], [expect.stringContaining("nvidia_icd-headless-")]]);
});

test.runIf(process.platform === "linux")("a GPU that needs the headless manifest is opened with it", async () => {
  const lists = dawnWith("libEGL_nvidia");
  const { kind, driverFiles, passedOver } = await adapterChoice({ adapter: "gpu" });
  expect({ kind, driverFiles, passedOver }).toEqual({ kind: "gpu", driverFiles: lists[1], passedOver: [] });
  expect(lists[0]).toEqual([manifest]);
});
