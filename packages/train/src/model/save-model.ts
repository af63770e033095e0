import { exists, joinPath, type Storage, sha256OfFile, writeFileAtomically } from "@lobule/data";
import type { SafetensorsTensor } from "@lobule/tensor";
import { encodeCheckpoint } from "../run/checkpoint.js";
import { announceCheckpoint } from "../run/saved-checkpoints.js";
import type { ModelCode, ModelDescription } from "./model-description.js";

/** A model that no training of ours made. */
export interface ForeignModel {
  readonly description: ModelDescription;
  readonly weights: ReadonlyMap<string, SafetensorsTensor>;
  readonly code: ModelCode | undefined;
  /** Where the weights are from; a JSON value. */
  readonly origin: unknown;
}

/**
 * Writes a model as a folder that `readModel` takes: checkpoints/best.safetensors, and model.cjs where it has code of its
 * own. There is no training in it, so it cannot be resumed, only used and trained from.
 * @throws FileWriteError when the place cannot be written.
 */
export async function saveModel(
  storage: Storage,
  directory: string,
  { description, weights, code, origin }: ForeignModel,
): Promise<void> {
  const checkpoints = joinPath(directory, "checkpoints");
  await storage.makeFolder(checkpoints);
  if (code !== undefined) await writeFileAtomically(storage, joinPath(directory, "model.cjs"), code.text);
  const bytes = encodeCheckpoint({ tensors: weights, state: { model: description, origin } });
  await announceCheckpoint(storage, directory, "best", { next: await sha256OfFile(bytes), before: undefined });
  await writeFileAtomically(storage, joinPath(checkpoints, "best.safetensors"), bytes);
}

/** Files of a training run; one that lacks some of them is damaged. */
const filesOfTraining = ["config.json", "split.json", "metrics.jsonl"];

/** Whether a folder holds a model that {@link saveModel} wrote, of whose training nothing is known. */
export async function isForeignModel(storage: Storage, directory: string): Promise<boolean> {
  if (!(await exists(storage, joinPath(directory, "checkpoints", "best.safetensors")))) return false;
  const found = await Promise.all(filesOfTraining.map((name) => exists(storage, joinPath(directory, name))));
  return !found.includes(true);
}
