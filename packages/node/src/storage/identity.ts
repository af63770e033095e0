import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { PathIdentity } from "@lobule/data";

/** Whether names are the same: these systems' file systems do not tell upper from lower case, nor the forms of "é". */
const comparable = (path: string): string =>
  process.platform === "darwin" || process.platform === "win32" ? path.normalize("NFC").toLowerCase() : path;

/**
 * What a path names: by its real path, and by device and inode, as hard links, bind mounts and file systems that do not
 * tell upper from lower case have it.
 */
export async function identityOf(path: string): Promise<PathIdentity> {
  const real = await realPathOf(path);
  const inode = await inodeOf(path);
  return { path: real, keys: [`path ${comparable(real)}`, ...(inode === undefined ? [] : [`inode ${inode}`])] };
}

/**
 * `path` without symbolic links: those of its folders, where it does not exist itself. The system resolves `..`, since
 * after a link it leads to the folder that holds what the link names.
 */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const folder = dirname(path);
    return folder === path ? path : join(await realPathOf(folder), basename(path));
  }
}

async function inodeOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  // File systems without inodes give 0 for all files.
  return found === undefined || found.ino === 0n ? undefined : `${found.dev} ${found.ino}`;
}
