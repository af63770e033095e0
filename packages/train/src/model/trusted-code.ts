import { createHash } from "node:crypto";
import { lstat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { makeFolder, writeFileAtomically } from "@lobule/data";
import type { ModelCode } from "./model-description.js";
import { ModelError } from "./model-error.js";

/** Whether a model's own code may run. */
export interface CodeTrust {
  /** Runs it wherever it comes from. By default it must have been made by a training of this user on this machine. */
  readonly trustCode?: boolean;
}

/** SHA-256 of a model's code, in hexadecimal. */
export const codeHash = (text: string): string => createHash("sha256").update(text).digest("hex");

/** `$XDG_CONFIG_HOME/lobule` or `~/.config/lobule`, and in it an empty file for each code, named by its hash. */
function folders(): readonly [own: string, trusted: string] {
  const own = join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "lobule");
  return [own, join(own, "trusted-code")];
}

/** Whether a file or folder is this user's, and nobody else can write it. Windows keeps a user's folder to him. */
async function isOwn(path: string, kind: "file" | "folder"): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || !(kind === "file" ? found.isFile() : found.isDirectory())) return false;
  const user = process.getuid?.();
  return user === undefined || (found.uid === user && (found.mode & 0o022) === 0);
}

const areOwn = async (paths: readonly string[]): Promise<boolean> =>
  (await Promise.all(paths.map((path) => isOwn(path, "folder")))).every(Boolean);

/**
 * Remembers code that this user chose to run. Where his folder cannot be written, it will have to be trusted by name the
 * next time: the training that calls this has more to lose.
 */
export async function rememberCode({ text }: ModelCode): Promise<void> {
  const [own, trusted] = folders();
  try {
    await makeFolder(trusted, 0o700);
    if (!(await areOwn([own, trusted]))) return;
    await writeFileAtomically(join(trusted, codeHash(text)), "", { mode: 0o600 });
  } catch {}
}

async function isRemembered(hash: string): Promise<boolean> {
  const [own, trusted] = folders();
  return (await areOwn([own, trusted])) && isOwn(join(trusted, hash), "file");
}

/** @throws ModelError naming the file and its hash when the code was not made here and is not trusted. */
export async function requireTrusted({ text, source }: ModelCode, { trustCode = false }: CodeTrust): Promise<void> {
  const hash = codeHash(text);
  if (trustCode || (await isRemembered(hash))) return;
  throw new ModelError(
    `${source}: using this model runs its code (SHA-256 ${hash}), and no training of yours on this machine made it; read it, and if you trust it add --trust-code (in a program trustCode: true)`,
  );
}
