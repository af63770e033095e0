import { dirName, joinPath, readBytes, type Storage, writeFileAtomically } from "@lobule/data";
import { unzipSync, type Zippable, zipSync } from "fflate";

/**
 * All files of a folder, at any depth, as a zip archive: to take a run folder from a browser to a machine, where
 * `lobule train --resume` goes on with it. All of it is in memory.
 */
export async function zipFolder(storage: Storage, folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const files: Zippable = {};
  // Weights hardly shrink.
  for await (const path of filesIn(storage, folder, ""))
    files[path] = [await readBytes(storage, joinPath(folder, path), "tensors"), { level: 0 }];
  return zipSync(files);
}

/** Writes the files of a zip archive into a folder, such as a run's that was begun in Node. */
export async function unzipFolder(storage: Storage, archive: Uint8Array, folder: string): Promise<void> {
  for (const [path, bytes] of Object.entries(unzipSync(archive))) {
    if (path.endsWith("/")) continue;
    const target = joinPath(folder, path);
    if (!target.startsWith(joinPath(folder, "/")))
      throw new RangeError(`the archive holds ${path}, which leaves ${folder}`);
    await storage.makeFolder(dirName(target));
    await writeFileAtomically(storage, target, bytes);
  }
}

async function* filesIn(storage: Storage, folder: string, below: string): AsyncGenerator<string> {
  for (const name of (await storage.list(joinPath(folder, below))).sort()) {
    const path = below === "" ? name : `${below}/${name}`;
    const { kind } = await storage.stat(joinPath(folder, path));
    if (kind === "folder") yield* filesIn(storage, folder, path);
    else if (kind === "file") yield path;
  }
}
