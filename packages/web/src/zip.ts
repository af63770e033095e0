import { DataError, dirName, joinPath, readBytes, type Storage, writeFileAtomically } from "@lobule/data";
import { type Unzipped, unzipSync, type Zippable, zipSync } from "fflate";

/**
 * All files of a folder, at any depth, as a zip archive: to take a run folder from a browser to a machine, where
 * `lobule train --resume` continues it. All of it is in memory.
 */
export async function zipFolder(storage: Storage, folder: string): Promise<Uint8Array<ArrayBuffer>> {
  const files: Zippable = {};
  // Weights hardly shrink.
  for await (const path of filesIn(storage, folder, ""))
    files[path] = [await readBytes(storage, joinPath(folder, path), "tensors"), { level: 0 }];
  return zipSync(files);
}

/**
 * Writes the files of a zip archive into a folder, such as a run's that was begun in Node. A folder of the archive that
 * holds all the others and a file called `marker`, as archives made elsewhere have it, is left out of their paths.
 * @throws DataError when it is no zip archive, holds no file of that name or one in each of several folders, or a path
 * that leaves the folder.
 */
export async function unzipFolder(
  storage: Storage,
  archive: Uint8Array,
  folder: string,
  marker?: string,
): Promise<void> {
  const files = Object.entries(entriesOf(archive)).filter(([path]) => !path.endsWith("/"));
  const top = marker === undefined ? "" : topOf(files, marker);
  for (const [path, bytes] of files) {
    if (!path.startsWith(top)) continue;
    const target = joinPath(folder, path.slice(top.length));
    if (!target.startsWith(joinPath(folder, "/")))
      throw new DataError(`the archive holds ${path}, which leaves ${folder}`);
    await storage.makeFolder(dirName(target));
    await writeFileAtomically(storage, target, bytes);
  }
}

function entriesOf(archive: Uint8Array): Unzipped {
  try {
    return unzipSync(archive);
  } catch {
    throw new DataError("this is no zip archive, or its end is missing; copy it again");
  }
}

/** The folder, with a slash, that holds the file called `marker` nearest to the top. */
function topOf(files: readonly (readonly [string, Uint8Array])[], marker: string): string {
  const depthOf = (path: string): number => path.split("/").length;
  const found = files.map(([path]) => path).filter((path) => path === marker || path.endsWith(`/${marker}`));
  const least = Math.min(...found.map(depthOf));
  const [path, ...others] = found.filter((each) => depthOf(each) === least);
  if (path === undefined) throw new DataError(`the archive holds no ${marker}; zip the folder that does`);
  if (others.length > 0)
    throw new DataError(
      `the archive holds ${marker} in several folders (${[path, ...others].map(dirName).toSorted().join(", ")}); zip one of them`,
    );
  return path.slice(0, path.length - marker.length);
}

async function* filesIn(storage: Storage, folder: string, below: string): AsyncGenerator<string> {
  for (const name of (await storage.list(joinPath(folder, below))).sort()) {
    const path = below === "" ? name : `${below}/${name}`;
    const { kind } = await storage.stat(joinPath(folder, path));
    if (kind === "folder") yield* filesIn(storage, folder, path);
    else if (kind === "file") yield path;
  }
}
