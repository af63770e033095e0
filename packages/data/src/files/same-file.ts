import { dirName } from "../storage/paths.js";
import type { PathIdentity, Storage } from "../storage/storage.js";

const same = (a: PathIdentity, b: PathIdentity): boolean => a.keys.some((key) => b.keys.includes(key));

/** Whether two paths name one file or folder, however they are spelled; see `Storage.identity`. Neither need exist. */
export async function isSameFile(storage: Storage, a: string, b: string): Promise<boolean> {
  return same(await storage.identity(a), await storage.identity(b));
}

/** Whether a path is a folder or something in it, at any depth. Neither need exist. */
export async function isWithin(storage: Storage, path: string, folder: string): Promise<boolean> {
  const outer = await storage.identity(folder);
  let inner = await storage.identity(path);
  while (!same(inner, outer)) {
    const parent = dirName(inner.path);
    if (parent === inner.path) return false;
    inner = await storage.identity(parent);
  }
  return true;
}

/** Paths, each known by what it names: see {@link isSameFile}. */
export class PathSet {
  private readonly known = new Map<string, string>();

  constructor(private readonly storage: Storage) {}

  /** Adds a path. @returns the one that was there before and names the same file or folder. */
  async add(path: string): Promise<string | undefined> {
    const { keys } = await this.storage.identity(path);
    const earlier = keys.map((key) => this.known.get(key)).find((each) => each !== undefined);
    for (const key of keys) if (!this.known.has(key)) this.known.set(key, path);
    return earlier;
  }
}
