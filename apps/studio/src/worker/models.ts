import { baseName, DataError, dirName, exists, joinPath, type Storage, writeFileAtomically } from "@lobule/data";
import { readModel } from "@lobule/train";
import { removeFolder, unzipFolder } from "@lobule/web";
import type { DroppedFile } from "../parts/dropped-files.js";
import { newPath, runsFolder } from "./names.js";
import { keepFile } from "./scan-files.js";

/** A model that scans can be segmented with. */
export interface ModelChoice {
  /** Of a run folder or a checkpoint. */
  readonly path: string;
  readonly title: string;
}

/** Where models are that were added. */
export const modelFolder = "/models";
const best = "checkpoints/best.safetensors";
/** The small one that comes with the page, trained on the phantom. */
export const bundledModel: ModelChoice = {
  path: "/bundled/phantom.safetensors",
  title: "Phantom liver (built in)",
};

/** All models of this browser: that of the page, runs that have a best checkpoint, and those that were added. */
export async function listModels(storage: Storage): Promise<ModelChoice[]> {
  const found: ModelChoice[] = [bundledModel];
  for (const [folder, kind] of [
    [runsFolder, "run"],
    [modelFolder, "model"],
  ] as const) {
    if (!(await exists(storage, folder))) continue;
    for (const name of (await storage.list(folder)).sort()) {
      const path = joinPath(folder, name);
      if (await exists(storage, joinPath(path, best))) found.push({ path, title: `${name} (${kind})` });
    }
  }
  return found;
}

/** Writes the page's own model where the others are. @param address where the page has it. */
export async function fetchBundled(storage: Storage, address: string): Promise<void> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`the model that comes with the page could not be loaded from ${address}`);
  await storage.makeFolder(dirName(bundledModel.path));
  await writeFileAtomically(storage, bundledModel.path, new Uint8Array(await answer.arrayBuffer()));
}

/**
 * Keeps a model that was dropped: a checkpoint, a zip of a run folder, or the folder itself.
 * @throws DataError when it is none of these; ModelError when it is damaged.
 */
export async function addModel(storage: Storage, files: readonly DroppedFile[]): Promise<ModelChoice> {
  const [first] = files;
  if (first === undefined) throw new DataError("there is no file");
  const [top = ""] = first.path.split("/");
  const path = await newPath(storage, modelFolder, top.replace(/\.(zip|safetensors)$/i, ""));
  try {
    if (/\.zip$/i.test(top)) {
      await unzipFolder(storage, new Uint8Array(await first.file.arrayBuffer()), path, "config.json").catch(
        (error: unknown) => {
          throw error instanceof DataError
            ? new DataError(`${top} is no zip of a run folder: ${error.message}`)
            : error;
        },
      );
    } else if (/\.safetensors$/i.test(top)) {
      await keepFile(storage, joinPath(path, best), first.file);
    } else if (files.some((each) => each.path.endsWith(best))) {
      for (const { path: from, file } of files)
        await keepFile(storage, joinPath(path, from.split("/").slice(1).join("/")), file);
    } else throw new DataError(`${top} is no model; drop a run folder, a zip of one, or a .safetensors checkpoint`);
    await readModel(storage, path);
  } catch (error) {
    await removeFolder(path).catch(() => undefined);
    throw error;
  }
  return { path, title: `${baseName(path)} (model)` };
}
