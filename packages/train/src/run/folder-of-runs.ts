import { baseName, commandText, dirName, exists, joinPath, readJson, type Storage } from "@lobule/data";
import { z } from "zod";

/** What is read of experiment.json, which the commands on several runs keep. */
const recordSchema = z.looseObject({
  format: z.literal("lobule-experiment"),
  /** A cross-validation has folds, an experiment variants. */
  experiment: z.looseObject({ data: z.string(), folds: z.int().optional() }),
  runs: z.array(z.looseObject({ name: z.string(), state: z.string() })),
});

const outcomeSchema = z.looseObject({ state: z.string() });

/** A folder that holds runs and is none itself. */
interface FolderOfRuns {
  readonly directory: string;
  /** Full path of the folder of the cases. */
  readonly data: string;
  /** How many folds a cross-validation has; undefined for an experiment. */
  readonly folds: number | undefined;
  /** Names of the runs' folders. */
  readonly runs: readonly string[];
  /** How many of them are trained and measured. */
  readonly done: number;
}

/** Undefined where the folder holds no such runs, or not in a form that this version knows. */
async function readFolderOfRuns(storage: Storage, directory: string): Promise<FolderOfRuns | undefined> {
  const record = recordSchema.safeParse(await jsonAt(storage, joinPath(directory, "experiment.json")));
  if (!record.success) return undefined;
  const { runs, experiment } = record.data;
  const done = await Promise.all(
    runs.map(async ({ name, state }) => {
      const outcome = outcomeSchema.safeParse(await jsonAt(storage, joinPath(directory, `${name}.outcome.json`)));
      return (outcome.success ? outcome.data.state : state) === "done";
    }),
  );
  return {
    directory,
    data: experiment.data,
    folds: experiment.folds,
    runs: runs.map(({ name }) => name),
    done: done.filter(Boolean).length,
  };
}

const jsonAt = (storage: Storage, path: string): Promise<unknown> =>
  readJson(storage, path, "record").catch(() => undefined);

/** The command that goes on with a cross-validation, but for its settings. */
const commandOf = ({ directory, data, folds }: FolderOfRuns): string =>
  `${commandText("crossval", data, "--out", directory, "--folds", `${folds}`)}, with the settings that it began with`;

/** What a folder is that was taken for a run and holds several, and what to do; undefined where it holds none. */
export async function severalRunsText(storage: Storage, directory: string): Promise<string | undefined> {
  if (await exists(storage, joinPath(directory, "ensemble.json"))) {
    return `${directory} is an ensemble of several runs, and a single one is needed here; give the folder of one of them`;
  }
  const found = await readFolderOfRuns(storage, directory);
  if (found === undefined) return undefined;
  const { folds, runs, done } = found;
  if (folds === undefined) {
    return `${directory} is an experiment with runs of its own, such as ${runs[0]}, and not a run; give the folder of one of them`;
  }
  return `${directory} is a cross-validation of which ${done} of ${folds} folds are trained and measured, and it is a model when all are; continue it: ${commandOf(found)}`;
}

/**
 * Why a run cannot be given more epochs by itself: its cross-validation or experiment has the same for all. Undefined for a
 * run of its own.
 */
export async function sharedEpochsText(storage: Storage, run: string, epochs: number): Promise<string | undefined> {
  const path = storage.absolute(run);
  const found = await readFolderOfRuns(storage, dirName(path));
  if (found === undefined || !found.runs.includes(baseName(path))) return undefined;
  const { folds, directory } = found;
  const [what, whole, advice] =
    folds === undefined ? ["a run", "experiment", "its own command"] : ["a fold", "cross-validation", commandOf(found)];
  return `${run} is ${what} of the ${whole} ${directory}, whose runs all have ${epochs} epochs; continue it by ${advice}, or begin another ${whole} with more epochs`;
}
