import { joinPath, type Storage } from "@lobule/data";
import { bytesText } from "../parts/quantities.js";

/** Names of the folders in a folder, in order; none where it is missing. */
export async function foldersIn(storage: Storage, folder: string): Promise<readonly string[]> {
  const names = await storage.list(folder).catch(() => []);
  const kinds = await Promise.all(names.map(async (name) => (await storage.stat(joinPath(folder, name))).kind));
  return names.filter((_, i) => kinds[i] === "folder").toSorted((a, b) => (a < b ? -1 : 1));
}

/** Bytes of the files in a folder, at any depth; 0 where it is missing. */
export async function bytesIn(storage: Storage, folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await storage.list(folder).catch(() => [])) {
    const path = joinPath(folder, name);
    const { kind, size } = await storage.stat(path);
    bytes += kind === "folder" ? await bytesIn(storage, path) : size;
  }
  return bytes;
}

/** @throws Error where the browser keeps fewer bytes for this page than are needed. */
export async function requireSpace(bytes: number, what: string): Promise<void> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  const free = Math.max(0, quota - usage);
  if (bytes > free)
    throw new Error(
      `${what} takes about ${bytesText(bytes)}, and the browser keeps ${bytesText(free)} more for this page; remove runs or data that you do not need, or free space on the disk.`,
    );
}
