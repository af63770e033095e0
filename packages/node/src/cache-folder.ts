import { lstat, mkdir, stat } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";

/**
 * The folder in which this user's unpacked files are kept: `$XDG_CACHE_HOME/lobule` or `~/.cache/lobule`, else one in
 * the temporary folder that only this user can write.
 * @throws Error when none can be made.
 */
export async function cacheFolder(): Promise<string> {
  const home = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "lobule");
  try {
    await makeFolder(dirname(home));
    await makeFolder(home);
    return home;
  } catch {
    const owner = process.getuid?.() ?? 0;
    const temporary = join(tmpdir(), `lobule-${owner}`);
    await makeFolder(temporary);
    const found = await lstat(temporary);
    if (!found.isDirectory() || found.uid !== owner || (found.mode & 0o022) !== 0) {
      throw new Error(
        `${temporary} belongs to another user or is writable by others; set XDG_CACHE_HOME to a folder of your own`,
      );
    }
    return temporary;
  }
}

/** Not recursively: Node's own way never returns where a folder refuses new ones as ENOENT, as /proc does. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch(async (error: unknown) => {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isDirectory()) throw error;
  });
}
