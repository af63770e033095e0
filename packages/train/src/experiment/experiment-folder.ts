import { join } from "node:path";
import { DataError, FileReadError, makeFolder, readJson, reason, writeFileAtomically } from "@lobule/data";
import { z } from "zod";
import { fitJson } from "../run/parse-json.js";
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
export type RunState = z.output<typeof runSchema>;

const pathOf = (directory: string): string => join(directory, "experiment.json");

/** Null where the folder holds no experiment. @throws ExperimentError when experiment.json is damaged. */
export async function readExperimentRecord(directory: string): Promise<ExperimentRecord | null> {
  const path = pathOf(directory);
  try {
    return fitJson(await readJson(path, "record"), recordSchema, path);
  } catch (error) {
    if (error instanceof FileReadError && error.missing) return null;
    if (!(error instanceof DataError)) throw error;
    throw new ExperimentError(`${error.message}; name another folder by --out`);
  }
}

/** Replaces experiment.json, in a folder that is made where it is missing. @throws FileWriteError, ExperimentError. */
export async function writeExperimentRecord(directory: string, record: ExperimentRecord): Promise<void> {
  await makeFolder(directory).catch((error: unknown) => {
    throw new ExperimentError(`cannot make the folder ${directory}: ${reason(error)}; name another by --out`);
  });
  await writeFileAtomically(pathOf(directory), `${JSON.stringify(record, null, 2)}\n`);
}

/** Differences that an error lists. */
const listed = 3;

/** @throws ExperimentError naming what an experiment file says otherwise than when the experiment began. */
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
