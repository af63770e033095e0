import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "@lobule/data";

/**
 * Makes a folder and those that hold it; one that is there is left as it is. Node's own recursive mkdir never returns
 * where a folder exists but refuses new ones as ENOENT, as /proc does.
 * @param mode permissions of those that are made, such as 0o700; by default those of the umask.
 * @returns the uppermost of those that were made; undefined where all were there.
 * @throws the system's error where it cannot be made, ENOTDIR where there is something else of that name.
 */
export async function makeFolder(path: string, mode?: number): Promise<string | undefined> {
  const missing: string[] = [];
  for (let at = path; !(await isFolder(at)) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  let first: string | undefined;
  for (const each of missing) {
    try {
      await mkdir(each, mode === undefined ? {} : { mode });
      first ??= each;
    } catch (error) {
      // Another process may have been quicker.
      if (errorCode(error) !== "EEXIST") throw error;
      if (!(await isFolder(each))) throw Object.assign(new Error(`${each} is no folder`), { code: "ENOTDIR" });
    }
  }
  return first;
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
