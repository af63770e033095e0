import {
  DataError,
  exists,
  FileReadError,
  joinPath,
  plural,
  readJson,
  reason,
  type Storage,
  writeFileAtomically,
} from "@lobule/data";
import { fitJson } from "@lobule/train";
import { z } from "zod";
import { ExperimentError } from "./experiment-file.js";

const runSchema = z.strictObject({
  name: z.string(),
  variant: z.string(),
  /** "stopped" by successive halving; "failed" for the reason in `error`. */
  state: z.enum(["waiting", "training", "paused", "done", "stopped", "failed"]),
  error: z.string().nullable(),
});

const recordSchema = z.strictObject({
  format: z.literal("lobule-experiment"),
  version: z.literal(1),
  /** The experiment file, all defaults filled in, `data` as a full path. */
  experiment: z.record(z.string(), z.unknown()),
  runs: z.array(runSchema),
  rungs: z.array(
    z.strictObject({
      epochs: z.int(),
      scores: z.array(z.strictObject({ variant: z.string(), score: z.number().nullable() })),
      stopped: z.array(z.string()),
    }),
  ),
});

/** experiment.json: the plan of an experiment and how far it is. */
export type ExperimentRecord = z.output<typeof recordSchema>;

/** The record of an experiment of which nothing has been trained. */
export const beginRecord = (
  experiment: object,
  planned: readonly { readonly name: string; readonly variant: string }[],
): ExperimentRecord => ({
  format: "lobule-experiment",
  version: 1,
  experiment: { ...experiment },
  rungs: [],
  runs: planned.map(({ name, variant }) => ({ name, variant, state: "waiting", error: null })),
});

const pathOf = (directory: string): string => joinPath(directory, "experiment.json");

/** Null where the folder holds no experiment. @throws ExperimentError when experiment.json is damaged. */
export async function readExperimentRecord(storage: Storage, directory: string): Promise<ExperimentRecord | null> {
  const path = pathOf(directory);
  try {
    return fitJson(await readJson(storage, path, "record"), recordSchema, path);
  } catch (error) {
    if (error instanceof FileReadError && error.missing) return null;
    if (!(error instanceof DataError)) throw error;
    throw new ExperimentError(`${error.message}; name another folder by --out`);
  }
}

/** Replaces experiment.json, in a folder that is made where it is missing. @throws FileWriteError, ExperimentError. */
export async function writeExperimentRecord(
  storage: Storage,
  directory: string,
  record: ExperimentRecord,
): Promise<void> {
  await storage.makeFolder(directory).catch((error: unknown) => {
    throw new ExperimentError(`cannot make the folder ${directory}: ${reason(error)}; name another by --out`);
  });
  await writeFileAtomically(storage, pathOf(directory), `${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Checks that a record is of the runs that its experiment plans.
 * @throws ExperimentError naming what is not.
 */
export function requirePlanned(
  { runs, rungs, experiment }: ExperimentRecord,
  planned: readonly { readonly name: string; readonly variant: string }[],
  directory: string,
): void {
  const fail = (what: string): never => {
    throw new ExperimentError(`${pathOf(directory)} is damaged: ${what}; restore it, or name another folder by --out`);
  };
  const key = ({ name, variant }: { readonly name: string; readonly variant: string }): string => `${variant} ${name}`;
  const expected = planned.map(key).sort().join("\n");
  if (runs.map(key).sort().join("\n") !== expected) fail("its runs are not those of the experiment");
  const variants = new Set(planned.map(({ variant }) => variant));
  const halving = rungsOf.safeParse(experiment);
  const epochs = halving.success ? (halving.data.successiveHalving?.rungs ?? []) : [];
  for (const [i, rung] of rungs.entries()) {
    if (rung.epochs !== epochs[i]) fail(`its rung ${i + 1} is after ${plural(rung.epochs, "epoch")}`);
    const strange = [...rung.stopped, ...rung.scores.map(({ variant }) => variant)].find((name) => !variants.has(name));
    if (strange !== undefined) fail(`its rung ${i + 1} names '${strange}', which is no variant`);
  }
}

const rungsOf = z.looseObject({ successiveHalving: z.looseObject({ rungs: z.array(z.int()) }).nullable() });

/** What leaves an experiment.json in its folder. */
export type RecordKind = "an experiment" | "a cross-validation";

/** What an `experiment` of a record is of: those of cross-validations name the cases that each fold holds out. */
const kindOf = (experiment: object): RecordKind => ("heldOut" in experiment ? "a cross-validation" : "an experiment");

/**
 * The record of a folder in which runs are to be trained; null where none has begun.
 * @throws ExperimentError where the folder is a run's, or of the other kind, or as {@link readExperimentRecord}.
 */
export async function readRecordOf(
  storage: Storage,
  directory: string,
  kind: RecordKind,
): Promise<ExperimentRecord | null> {
  if (await exists(storage, joinPath(directory, "config.json"))) {
    throw new ExperimentError(`${directory} is the folder of a run; name another by --out`);
  }
  const record = await readExperimentRecord(storage, directory);
  if (record !== null && kindOf(record.experiment) !== kind) {
    throw new ExperimentError(
      `${directory} is the folder of ${kindOf(record.experiment)}, not of ${kind}; name another by --out`,
    );
  }
  return record;
}

/** Differences that an error lists. */
const listed = 3;

/**
 * Refuses an experiment that differs from the one that its folder was begun with.
 * @throws ExperimentError naming what an experiment file says otherwise than when the experiment began.
 */
export function requireUnchanged(
  record: ExperimentRecord,
  experiment: unknown,
  source: string,
  directory: string,
): void {
  const found = differences(record.experiment, JSON.parse(JSON.stringify(experiment)), "");
  if (found.length === 0) return;
  const shown = `${found.slice(0, listed).join("; ")}${found.length > listed ? "; …" : ""}`;
  throw new ExperimentError(
    `${source} has changed since ${directory} began: ${shown}; put it back, or name another folder by --out`,
  );
}

function differences(before: unknown, now: unknown, path: string): string[] {
  if (typeof before === "object" && before !== null && typeof now === "object" && now !== null) {
    const [old, young] = [Object.entries(before), new Map(Object.entries(now))];
    const keys = new Set([...old.map(([key]) => key), ...young.keys()]);
    const values = new Map(old);
    return [...keys].flatMap((key) =>
      differences(values.get(key), young.get(key), path === "" ? key : `${path}.${key}`),
    );
  }
  return Object.is(before, now) ? [] : [`'${path}' is ${textOf(now)}, was ${textOf(before)}`];
}

const textOf = (value: unknown): string => (value === undefined ? "not there" : JSON.stringify(value));
