import { lstat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "./storage/node-storage.js";

/**
 * Remembers the model code that this user chose to run, for `trustCode` of @lobule/train: an empty file for each, named
 * by its SHA-256, in `$XDG_CONFIG_HOME/lobule/trusted-code` or `~/.config/lobule/trusted-code`. What another user could
 * have written there does not count.
 */
export const codeMemory = {
  async isRemembered(hash: string): Promise<boolean> {
    const [own, trusted] = folders();
    return (await areOwn([own, trusted])) && isOwn(join(trusted, hash), "file");
  },

  /** Where the folder cannot be written the code will have to be trusted by name the next time; this never throws. */
  async remember(hash: string): Promise<void> {
    const [own, trusted] = folders();
    try {
      await nodeStorage.makeFolder(trusted, { private: true });
      if (!(await areOwn([own, trusted]))) return;
      await writeFileAtomically(nodeStorage, join(trusted, hash), "", { private: true });
    } catch {}
  },
};

function folders(): readonly [own: string, trusted: string] {
  const own = join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "lobule");
  return [own, join(own, "trusted-code")];
}

const areOwn = async (paths: readonly string[]): Promise<boolean> =>
  (await Promise.all(paths.map((path) => isOwn(path, "folder")))).every(Boolean);

/** Whether a file or folder is this user's, and nobody else can write it. Windows keeps a user's folder to him. */
async function isOwn(path: string, kind: "file" | "folder"): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || !(kind === "file" ? found.isFile() : found.isDirectory())) return false;
  const user = process.getuid?.();
  return user === undefined || (found.uid === user && (found.mode & 0o022) === 0);
}
