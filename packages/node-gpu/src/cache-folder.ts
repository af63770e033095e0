import { lstat, mkdir } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

/**
 * The folder in which this user's unpacked files are kept: `$XDG_CACHE_HOME/lobule` or `~/.cache/lobule`, else one in
 * the temporary folder that only this user can write.
 * @throws Error when none can be made.
 */
export async function cacheFolder(): Promise<string> {
  const home = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "lobule");
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    return home;
  } catch {
    const owner = process.getuid?.() ?? 0;
    const temporary = join(tmpdir(), `lobule-${owner}`);
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    const found = await lstat(temporary);
    if (!found.isDirectory() || found.uid !== owner || (found.mode & 0o022) !== 0) {
      throw new Error(
        `${temporary} belongs to another user or is writable by others; set XDG_CACHE_HOME to a folder of your own`,
      );
    }
    return temporary;
  }
}
