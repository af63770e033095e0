import {
  baseName,
  dirName,
  exists,
  joinPath,
  readBytes,
  readText,
  reason,
  type Storage,
  sha256OfFile,
  writeFileAtomically,
} from "@lobule/data";
import { z } from "zod";
import { parseJson } from "../json/parse-json.js";

/** Which checkpoint of a run: that of the least validation loss, or the last. */
export type CheckpointKind = "best" | "last";

const hashes = z.array(z.string().regex(/^[0-9a-f]{64}$/, "needs SHA-256 in hexadecimal")).max(2);
const schema = z.strictObject({ best: hashes.optional(), last: hashes.optional() });

const pathIn = (directory: string): string => joinPath(directory, "checkpoints.json");

/** What checkpoints.json says; nothing for a run of a version that did not write it. @throws DataError, FileReadError. */
async function readSaved(storage: Storage, directory: string): Promise<z.infer<typeof schema>> {
  const path = pathIn(directory);
  if (!(await exists(storage, path))) return {};
  return parseJson(await readText(storage, path, "record"), schema, path);
}

/**
 * Writes to checkpoints.json what a checkpoint's file is about to hold, beside what it holds until then: so a kill between this
 * and the saving leaves a file that is known.
 * @param before SHA-256 of what is replaced; undefined where there is nothing.
 * @throws FileWriteError; DataError when checkpoints.json is damaged.
 */
export async function announceCheckpoint(
  storage: Storage,
  directory: string,
  kind: CheckpointKind,
  { next, before }: { readonly next: string; readonly before: string | undefined },
): Promise<void> {
  const saved = { ...(await readSaved(storage, directory)), [kind]: before === undefined ? [next] : [next, before] };
  await writeFileAtomically(storage, pathIn(directory), `${JSON.stringify(saved, null, 2)}\n`);
}

/**
 * Says that a checkpoint of a run's folder holds something else than the run saved; undefined where it does not, or where
 * nobody wrote down what that was.
 * @param path its file; `sha256` what was read from it.
 */
export async function changedSince(storage: Storage, path: string, sha256: string): Promise<string | undefined> {
  const folder = dirName(path);
  const kind = /^(best|last)\.safetensors$/.exec(baseName(path))?.[1];
  if (baseName(folder) !== "checkpoints" || (kind !== "best" && kind !== "last")) return undefined;
  const record = pathIn(dirName(folder));
  try {
    const known = (await readSaved(storage, dirName(folder)))[kind];
    if (known === undefined || known.includes(sha256)) return undefined;
    // A run that is under way may have saved twice since the file was read.
    if ((await sha256OfFile(await readBytes(storage, path, "tensors"))) !== sha256) return undefined;
  } catch (error) {
    return `${reason(error)}; without ${record} its checkpoints are not checked`;
  }
  return `${path} does not hold what the run saved there, so it has been changed or damaged since; restore it, or remove ${record} to take it as it is`;
}
