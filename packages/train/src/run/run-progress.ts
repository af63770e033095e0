import { baseName, dirName, type Storage } from "@lobule/data";
import { z } from "zod";
import { RunFolder } from "./run-folder.js";
import { parseTrainingState, type TrainingState } from "./training-state.js";

/** How far a run is. */
export interface RunProgress {
  /** Epochs that are over. */
  readonly epochs: number;
  /** Epochs it was to have at most; null where its configuration does not say. */
  readonly of: number | null;
  readonly finished: boolean;
  /** "epoch 1 of 100, interrupted" */
  readonly text: string;
}

const configSchema = z.looseObject({ epochs: z.int().positive() });

/** How far a run is, by its last checkpoint and its metrics. @throws RunError when they are damaged. */
export async function runProgressOf(folder: RunFolder): Promise<RunProgress> {
  const config = configSchema.safeParse(folder.config);
  const of = config.success ? config.data.epochs : null;
  const last = await lastStateOf(folder);
  // Lines of the metrics can be lost.
  const epochs = last?.epoch ?? (await folder.readMetrics()).length;
  const finished = last?.finished ?? null;
  const count = of === null ? `epoch ${epochs}` : `epoch ${epochs} of ${of}`;
  return { epochs, of, finished: finished !== null, text: `${count}, ${finished ?? "interrupted"}` };
}

/** Where the last checkpoint stands; undefined before there is one. */
async function lastStateOf(folder: RunFolder): Promise<TrainingState | undefined> {
  if (!(await folder.hasCheckpoint("last"))) return undefined;
  const { state } = await folder.loadCheckpoint("last");
  return parseTrainingState(state.training, folder.checkpointPath("last"));
}

/** The run that a checkpoint belongs to; undefined for a checkpoint that is no part of a run folder. */
export async function runOfCheckpoint(storage: Storage, path: string): Promise<RunFolder | undefined> {
  const checkpoints = dirName(path);
  if (baseName(checkpoints) !== "checkpoints") return undefined;
  return RunFolder.open(storage, dirName(checkpoints)).catch(() => undefined);
}

/** One sentence about a model whose run is not over; undefined where it is, or that is not known. */
export async function unfinishedNote(storage: Storage, path: string): Promise<string | undefined> {
  const run = await runOfCheckpoint(storage, path);
  const state = await (run && runProgressOf(run).catch(() => undefined));
  if (run === undefined || state === undefined || state.finished) return undefined;
  return `${run.directory} is not trained to its end (${state.text}); its best checkpoint so far is used`;
}
