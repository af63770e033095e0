import { DataError, joinPath, type Storage } from "@lobule/data";

/** Where the runs of the browser are. */
export const runsFolder = "/runs";

/**
 * A path in a folder that nothing has yet.
 * @param name what is asked for; what no folder may be called is left out of it, and a number is added where it is taken.
 * @throws DataError where nothing of the name is left.
 */
export async function newPath(storage: Storage, folder: string, name: string): Promise<string> {
  const base = name
    .replaceAll(/[^\p{L}\p{N}._ -]+/gu, "-")
    .replace(/^[.\s-]+/, "")
    .trim()
    .slice(0, 80);
  if (base === "") throw new DataError(`"${name}" is no name; use letters and digits`);
  await storage.makeFolder(folder);
  const taken = new Set(await storage.list(folder));
  for (let n = 1; ; n += 1) {
    const candidate = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(candidate)) return joinPath(folder, candidate);
  }
}
