import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** What a path names, however it is spelled. */
interface Identity {
  /** The path without symbolic links, `.` and `..`; of what is not there, its folder's and the name. */
  readonly path: string;
  /** Device and inode, which hard links and the spellings of one name share; undefined where nothing is there. */
  readonly inode: string | undefined;
}

/** Whether names are the same: these systems' file systems do not tell upper from lower case, nor the forms of "é". */
const comparable = (path: string): string =>
  process.platform === "darwin" || process.platform === "win32" ? path.normalize("NFC").toLowerCase() : path;

async function identityOf(path: string): Promise<Identity> {
  return { path: await realPathOf(path), inode: await inodeOf(path) };
}

/**
 * `path` without symbolic links: those of its folders, where it does not exist itself. The system resolves `..`, since
 * after a link it leads to the folder that holds what the link names.
 */
export async function realPathOf(path: string): Promise<string> {
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

const same = (a: Identity, b: Identity): boolean =>
  comparable(a.path) === comparable(b.path) || (a.inode !== undefined && a.inode === b.inode);

/**
 * Whether two paths name one file or folder: by their real paths, or by device and inode, as hard links, bind mounts and
 * file systems that do not tell upper from lower case have it. Neither need exist.
 */
export async function isSameFile(a: string, b: string): Promise<boolean> {
  return same(await identityOf(a), await identityOf(b));
}

/** Whether a path is a folder or something in it, at any depth. Neither need exist. */
export async function isWithin(path: string, folder: string): Promise<boolean> {
  const outer = await identityOf(folder);
  let inner = await identityOf(path);
  while (!same(inner, outer)) {
    const parent = dirname(inner.path);
    if (parent === inner.path) return false;
    inner = { path: parent, inode: await inodeOf(parent) };
  }
  return true;
}

/** Paths, each known by what it names: see {@link isSameFile}. */
export class PathSet {
  private readonly known = new Map<string, string>();

  /** Adds a path. @returns the one that was there before and names the same file or folder. */
  async add(path: string): Promise<string | undefined> {
    const { path: real, inode } = await identityOf(path);
    const keys = [`path ${comparable(real)}`, ...(inode === undefined ? [] : [`inode ${inode}`])];
    const earlier = keys.map((key) => this.known.get(key)).find((each) => each !== undefined);
    for (const key of keys) if (!this.known.has(key)) this.known.set(key, path);
    return earlier;
  }
}
