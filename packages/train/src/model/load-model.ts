import {
  dirName,
  entryAt,
  FileReadError,
  joinPath,
  readBytes,
  readText,
  type Storage,
  sha256OfFile,
} from "@lobule/data";
import { readSafetensors, type SafetensorsTensor, writeSafetensors } from "@lobule/tensor";
import { z } from "zod";
import { type Collective, gather, gatherTexts, onEveryRank } from "../collective/collective.js";
import { decodeCheckpoint } from "../run/checkpoint.js";
import { severalRunsText } from "../run/folder-of-runs.js";
import { changedSince } from "../run/saved-checkpoints.js";
import {
  type ModelCode,
  type ModelDescription,
  networkState,
  parseModelDescription,
  requireWeights,
} from "./model-description.js";
import { ModelError } from "./model-error.js";
import { type Postprocessing, readPostprocessing } from "./postprocessing.js";
import { type CodeTrust, codeHash, requireTrusted } from "./trusted-code.js";

/** A trained network as it is saved: its description and its weights. */
export interface SavedModel {
  readonly description: ModelDescription;
  readonly weights: ReadonlyMap<string, SafetensorsTensor>;
  /** The file it came from. */
  readonly source: string;
  /** SHA-256 of that file, in hexadecimal, by which these weights are known again. */
  readonly sha256: string;
  /** The epoch that the weights are of, from 1; null where the file does not say. */
  readonly epoch: number | null;
  /** What makes the network, where it is no U-Net of ours. */
  readonly code: ModelCode | undefined;
  /** What is done to its labels, where something was chosen. */
  readonly postprocessing?: Postprocessing;
}

const bestEpoch = z.looseObject({ training: z.looseObject({ best: z.looseObject({ epoch: z.int().min(0) }) }) });

/**
 * Reads a model from a checkpoint file, or the best one of a run folder.
 * @throws ModelError when there is none, the file is damaged or not what its run saved, or it has code of its own that is not trusted; DataError
 * when its postprocessing.json is damaged.
 */
export async function readModel(storage: Storage, path: string, trust: CodeTrust = {}): Promise<SavedModel> {
  const found = await entryAt(storage, path);
  if (found === undefined) {
    throw new ModelError(`${path}: there is no such file or folder; give a run folder or a .safetensors checkpoint`);
  }
  const source = found.kind === "folder" ? joinPath(path, "checkpoints", "best.safetensors") : storage.absolute(path);
  const bytes = await readBytes(storage, source, "tensors").catch(async (error: unknown) => {
    if (!(error instanceof FileReadError)) throw error;
    if (!error.missing) throw new ModelError(`${error.message}; give a run folder or a .safetensors checkpoint`);
    throw new ModelError(
      (await severalRunsText(storage, path)) ??
        `${path}: has no checkpoints/best.safetensors; give the folder of a run that finished an epoch`,
    );
  });
  const { tensors, state } = decoded(bytes, source);
  const sha256 = await sha256OfFile(bytes);
  const changed = await changedSince(storage, source, sha256);
  if (changed !== undefined) throw new ModelError(changed);
  const description = parseModelDescription(state.model, source);
  const weights = networkState(tensors);
  requireWeights(description, weights, source);
  const code =
    description.code === undefined
      ? undefined
      : await readCode(storage, dirName(dirName(source)), trust, description.code);
  const best = bestEpoch.safeParse(state);
  const epoch = best.success ? best.data.training.best.epoch + 1 : null;
  const postprocessing = await readPostprocessing(storage, { source, sha256 });
  return {
    description,
    weights,
    source,
    sha256,
    epoch,
    code,
    ...(postprocessing === undefined ? {} : { postprocessing }),
  };
}

/**
 * As {@link readModel}, by rank 0, which hands the model to the others: they need not see its file.
 * @throws as readModel on rank 0, RankError on the others.
 */
export async function readModelOnAll(
  world: Collective,
  storage: Storage,
  path: string,
  trust: CodeTrust = {},
): Promise<SavedModel> {
  if (world.size === 1) return readModel(storage, path, trust);
  const own = await onEveryRank(world, async () =>
    world.rank === 0 ? await readModel(storage, path, trust) : undefined,
  );
  const weights = own === undefined ? new Float32Array() : new Float32Array(writeSafetensors(own.weights).buffer);
  const facts = own === undefined ? "" : JSON.stringify({ ...own, weights: weights.length });
  const [text = ""] = await gatherTexts(world, facts);
  const told: Omit<SavedModel, "weights"> & { readonly weights: number } = JSON.parse(text); // of the same program
  const [floats = weights] = await gather(
    world,
    weights,
    world.hosts.map((_, rank) => (rank === 0 ? told.weights : 0)),
  );
  return own ?? { ...told, weights: readSafetensors(new Uint8Array(floats.slice().buffer)) };
}

/**
 * The code of a run's own model.
 * @param hash of what the weights were trained with, where there are such.
 * @throws ModelError when the folder has none, another than the weights were trained with, or one that is not trusted.
 */
export async function readCode(
  storage: Storage,
  directory: string,
  trust: CodeTrust,
  hash?: string,
): Promise<ModelCode> {
  const source = joinPath(directory, "model.cjs");
  const text = await readText(storage, source, "code").catch((error: unknown) => {
    if (!(error instanceof FileReadError)) throw error;
    throw new ModelError(`${error.message}, and this model has code of its own; keep its run folder whole`);
  });
  if (hash !== undefined && codeHash(text) !== hash) {
    throw new ModelError(`${source}: is not the code that the weights were trained with; restore it`);
  }
  await requireTrusted({ text, source }, trust);
  return { text, source };
}

function decoded(bytes: Uint8Array, source: string): ReturnType<typeof decodeCheckpoint> {
  try {
    return decodeCheckpoint(bytes);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new ModelError(`${source}: is no checkpoint of a run (${what})`);
  }
}
