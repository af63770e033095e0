import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "./storage/node-storage.js";

/** The manifest with NVIDIA's other library in it; undefined where it names none that could be replaced. */
async function headless(manifest: string): Promise<string | undefined> {
  try {
    const text = await readFile(manifest, "utf8");
    JSON.parse(text);
    return text.includes("libGLX_nvidia") ? text.replaceAll("libGLX_nvidia", "libEGL_nvidia") : undefined;
  } catch {
    return undefined; // what cannot be read names no driver
  }
}

/** Writes a file unless it is there as it should be. Others that read it meanwhile never see half of it. */
async function keep(path: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
  await writeFileAtomically(nodeStorage, path, text, { private: true });
}

/**
 * Manifests for an NVIDIA GPU on a machine without X. The driver's own names `libGLX_nvidia`, which shows no GPU where
 * GLVND's libraries are missing; `libEGL_nvidia` of the same driver has the same Vulkan in it and does without them.
 * @param manifests the machine's; those that do not name that library are passed over.
 * @param folder where the copies are kept, under names that follow from their contents.
 */
export async function headlessManifests(manifests: readonly string[], folder: string): Promise<string[]> {
  const written = new Set<string>();
  for (const manifest of manifests) {
    const text = await headless(manifest);
    if (text === undefined) continue;
    const digest = createHash("sha256").update(text).digest("hex").slice(0, 12);
    const path = join(folder, `${basename(manifest, ".json")}-headless-${digest}.json`);
    await keep(path, text);
    written.add(path);
  }
  return [...written];
}
