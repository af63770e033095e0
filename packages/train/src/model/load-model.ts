import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { SafetensorsTensor } from "@lobule/tensor";
import { decodeCheckpoint } from "../run/checkpoint.js";
import { type ModelDescription, ModelError, networkState, parseModelDescription } from "./model-description.js";

/** A trained network as it is saved: its description and its weights. */
export interface SavedModel {
  readonly description: ModelDescription;
  readonly weights: ReadonlyMap<string, SafetensorsTensor>;
  /** The file it came from. */
  readonly source: string;
}

/**
 * Reads a model from a checkpoint file, or the best one of a run folder.
 * @throws ModelError when there is none, or the file is damaged.
 */
export async function readModel(path: string): Promise<SavedModel> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new ModelError(`${path}: there is no such file or folder; give a run folder or a .safetensors checkpoint`);
  }
  const source = found.isDirectory() ? join(path, "checkpoints", "best.safetensors") : path;
  const bytes = await readFile(source).catch(() => {
    throw new ModelError(
      found.isDirectory()
        ? `${path}: has no checkpoints/best.safetensors; give the folder of a run that finished an epoch`
        : `${source}: cannot be read`,
    );
  });
  const { tensors, state } = decoded(bytes, source);
  return { description: parseModelDescription(state.model, source), weights: networkState(tensors), source };
}

function decoded(bytes: Uint8Array, source: string): ReturnType<typeof decodeCheckpoint> {
  try {
    return decodeCheckpoint(bytes);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new ModelError(`${source}: is no checkpoint of a run (${what})`);
  }
}
