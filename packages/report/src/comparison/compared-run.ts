import { baseName, commandText, DataError, FileReadError, joinPath, readJson, type Storage } from "@lobule/data";
import { volumeEdges } from "@lobule/metrics";
import {
  type EpochRecord,
  fitJson,
  isForeignModel,
  lossOfConfig,
  lossText,
  type Provenance,
  provenanceSchema,
  RunFolder,
  type RunSplit,
  runProgressOf,
  type Workload,
  withFormerNames,
} from "@lobule/train";
import { z } from "zod";
import { ComparisonError } from "./comparison-error.js";

const count = z.int().nonnegative();
const measured = z.number().nonnegative().nullable();

/** Counts and sums of a class in a case, as far as they bound one another. */
const diceSchema = z
  .object({
    slices: count,
    sliceDiceSum: z.number().nonnegative(),
    foregroundSlices: count,
    foregroundSliceDiceSum: z.number().nonnegative(),
    intersection: count,
    predicted: count,
    target: count,
  })
  .refine(
    ({ slices, foregroundSlices }) => foregroundSlices <= slices,
    "there are more slices with the class than slices",
  )
  .refine(
    // Dice is at most 1, but for rounding in the sum.
    ({ slices, sliceDiceSum, foregroundSlices, foregroundSliceDiceSum }) =>
      sliceDiceSum <= slices * (1 + 1e-9) && foregroundSliceDiceSum <= foregroundSlices * (1 + 1e-9),
    "a mean of Dice is above 1",
  )
  .refine(
    ({ intersection, predicted, target }) => intersection <= Math.min(predicted, target),
    "the intersection is larger than what intersects",
  );

/** What a comparison needs of evaluation/validation.json. */
const evaluationSchema = z.object({
  format: z.literal("lobule-evaluation"),
  version: z.literal(1),
  /** Of the normalized surface distance, mm. */
  tolerance: z.number().nonnegative(),
  /** What the edge of a volume was to a region; not in files of earlier versions, which measured single slices in 3D. */
  edge: z.enum(volumeEdges).optional(),
  cases: z
    .array(
      z.object({
        name: z.string(),
        source: z.looseObject({ note: z.string().nullable() }).optional(),
        classes: z
          .array(
            withFormerNames(
              z.object({
                label: count,
                name: z.string(),
                dice: diceSchema,
                hausdorff95: measured,
                normalizedSurfaceDistance: z.number().min(0).max(1).nullable(),
              }),
            ),
          )
          .min(1),
      }),
    )
    .min(1),
  /** Measurements of older versions do not say what they are of. */
  provenance: provenanceSchema.optional(),
});

/** What was measured of a run, as far as a comparison needs it. */
export type ComparedEvaluation = Omit<z.output<typeof evaluationSchema>, "provenance"> & {
  readonly provenance?: Provenance | undefined;
};
export type ComparedCase = ComparedEvaluation["cases"][number];

/** What a comparison needs of a run. */
export interface ComparedRun {
  /** As it was named. */
  readonly directory: string;
  /** The whole path of that folder. */
  readonly path: string;
  readonly split: RunSplit;
  /** What it was trained to minimize, in words; equal for equal losses. */
  readonly loss: string;
  /** Slices of a batch. */
  readonly batch: number;
  /** What ran it; null where the run does not say. */
  readonly adapter: string | null;
  /** Null for a run of a version that did not record it. */
  readonly workload: Workload | null;
  readonly metrics: readonly EpochRecord[];
  readonly evaluation: ComparedEvaluation;
  /** What makes its figures provisional or stale, clauses such as "is not trained to its end: …". */
  readonly remarks: readonly string[];
}

const batchSchema = z.looseObject({ batch: z.int().positive() });
const adapterSchema = z.looseObject({ adapter: z.looseObject({ name: z.string() }) });

/**
 * Reads a run that was trained and measured.
 * @throws RunError when the folder is no run or damaged, ComparisonError when the run was imported or not measured yet.
 */
export async function readComparedRun(storage: Storage, directory: string): Promise<ComparedRun> {
  if (await isForeignModel(storage, directory)) {
    throw new ComparisonError(
      `${directory} was imported, so there are no cases that it is known to have held out, and it cannot be compared; ${commandText("evaluate", directory, "--data", "DIR")} measures it on labeled cases`,
    );
  }
  const folder = await RunFolder.open(storage, directory);
  const config = batchSchema.safeParse(folder.config);
  if (!config.success) throw new ComparisonError(`${directory}/config.json names no batch; the run is damaged`);
  const loss = lossOfConfig(folder.config);
  if (loss === undefined) {
    throw new ComparisonError(`${directory}/config.json has a loss that this version does not know; update lobule`);
  }
  const environment = adapterSchema.safeParse(folder.environment);
  const evaluation = await requireEvaluation(storage, directory);
  return {
    directory,
    path: storage.absolute(directory),
    split: folder.split,
    loss: lossText(loss),
    batch: config.data.batch,
    adapter: environment.success ? environment.data.adapter.name : null,
    workload: await folder.readWorkload(),
    metrics: await folder.readMetrics(),
    evaluation,
    remarks: await remarksOf(folder, evaluation),
  };
}

async function remarksOf(folder: RunFolder, { provenance, cases }: ComparedEvaluation): Promise<string[]> {
  const { finished, text } = await runProgressOf(folder);
  const best = (await folder.hasCheckpoint("best")) ? await folder.checkpointHash("best") : undefined;
  const changed = cases.flatMap(({ name, source }) => (source?.note == null ? [] : [`${name}: ${source.note}`]));
  return [
    ...(finished ? [] : [`is not trained to its end: ${text}`]),
    ...(provenance === undefined || best === undefined || provenance.checkpoint.sha256 === best
      ? []
      : [
          `was measured with other weights (${provenance.checkpoint.epoch === null ? "" : `of epoch ${provenance.checkpoint.epoch}, `}run: ${provenance.run.state ?? "unknown"}) than its best checkpoint has now; ${commandText("evaluate", folder.directory)} measures these`,
        ]),
    ...(provenance?.settings.postprocessing === true
      ? ["was measured after post-processing that was chosen by these cases, so that its figures are a little too good"]
      : []),
    ...(provenance === undefined || provenance.failures.length === 0
      ? []
      : [`lacks cases that could not be measured (${provenance.failures.map(({ name }) => name).join(", ")})`]),
    ...(changed.length === 0 ? [] : [`was measured on cases that changed (${changed.join("; ")})`]),
  ];
}

/**
 * What was measured of a run on the cases that it held out.
 * @throws FileReadError where it was not measured yet, DataError where the file is damaged.
 */
export async function readEvaluation(storage: Storage, directory: string): Promise<ComparedEvaluation> {
  const path = joinPath(directory, "evaluation", "validation.json");
  return fitJson(await readJson(storage, path, "record"), evaluationSchema, path);
}

async function requireEvaluation(storage: Storage, directory: string): Promise<ComparedEvaluation> {
  const advice = `measure the run first: ${commandText("evaluate", directory)}`;
  try {
    return await readEvaluation(storage, directory);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const missing = error instanceof FileReadError && error.missing;
    throw new ComparisonError(
      `${missing ? `${directory} has no evaluation/validation.json` : error.message}; ${advice}`,
    );
  }
}

/** What runs are called: the names of their folders, or their paths where two folders have the same name. */
export function namesOf(runs: readonly Pick<ComparedRun, "directory" | "path">[]): string[] {
  const short = runs.map(({ path }) => baseName(path));
  return runs.map(({ directory }, i) =>
    short.filter((name) => name === short[i]).length > 1 ? directory : (short[i] ?? directory),
  );
}
