import { baseName, DataError, readJson, type Storage, sha256Hex } from "@lobule/data";
import { defaultEdge, type VolumeEdge, volumeEdges } from "@lobule/metrics";
import { z } from "zod";
import { fitJson } from "../json/parse-json.js";
import { sameJson } from "../json/same-json.js";
import { withFormerNames } from "./former-names.js";
import { type EvaluationSettings, type Provenance, provenanceSchema } from "./provenance.js";
import type { MeasuredCase } from "./summarize.js";

/** Of the surface distance, mm, where none is asked for. */
export const defaultTolerance = 2;

/**
 * What the files of a measurement are called, without .csv and .json. The run's own held-out cases are "validation";
 * those of a folder have its name and a hash of its path, so that folders of one name are told apart and none is taken
 * for the run's own. Settings other than the defaults are appended, so that no measurement replaces one of another kind.
 * @param data folder of the cases; undefined for the run's own.
 */
export async function measurementName(
  storage: Storage,
  data: string | undefined,
  { mirror, precision, map, includeTraining, postprocessing }: EvaluationSettings,
  tolerance: number,
  edge: VolumeEdge,
): Promise<string> {
  return [
    data === undefined ? "validation" : await folderName(storage, data),
    ...(mirror ? ["mirror"] : []),
    ...(precision === "f32" ? [] : [precision]),
    ...(tolerance === defaultTolerance ? [] : [`tolerance${tolerance}`]),
    ...(edge === defaultEdge ? [] : [`edge-${edge}`]),
    ...(map.length === 0 ? [] : [`map${map.map(({ from, to }) => `${from}to${to}`).join("+")}`]),
    ...(includeTraining ? ["with-training"] : []),
    ...(postprocessing === false ? ["no-postprocessing"] : []),
  ].join("-");
}

async function folderName(storage: Storage, data: string): Promise<string> {
  const { path } = await storage.identity(data);
  const hash = sha256Hex(path).slice(0, 8);
  return `${baseName(path)
    .replaceAll(/[^\p{L}\p{N}._-]/gu, "_")
    .slice(0, 50)}-${hash}`;
}

const count = z.int().nonnegative();
const measured = z.number().nullable();
const extents = z.tuple([z.number(), z.number(), z.number()]);

/** What is taken over from an earlier measurement; its keys in the order in which they are written again. */
const measurementSchema = z.object({
  format: z.literal("lobule-evaluation"),
  version: z.literal(1),
  tolerance: z.number(),
  edge: z.enum(volumeEdges),
  provenance: provenanceSchema,
  cases: z.array(
    z.object({
      name: z.string(),
      shape: extents,
      spacing: extents,
      tolerance: z.number(),
      edge: z.enum(volumeEdges),
      surfaceDimensions: count,
      classes: z.array(
        withFormerNames(
          z.object({
            label: count,
            name: z.string(),
            dice: z.object({
              slices: count,
              sliceDiceSum: z.number(),
              foregroundSlices: count,
              foregroundSliceDiceSum: z.number(),
              intersection: count,
              predicted: count,
              target: count,
            }),
            hausdorff95: measured,
            normalizedSurfaceDistance: measured,
            truthAtEdge: z.boolean(),
            volume: z.object({
              truth: z.number(),
              prediction: z.number(),
              error: z.number(),
              errorPercent: measured,
            }),
          }),
        ),
      ),
      source: z.object({
        use: z.enum(["training", "validation", "none", "unknown"]),
        content: z.string(),
        note: z.string().nullable(),
      }),
    }),
  ),
});

type Measurement = z.output<typeof measurementSchema>;

/** A measurement as it was written; undefined where there is none that says what it is of. */
export async function readMeasurement(storage: Storage, path: string): Promise<Measurement | undefined> {
  try {
    return fitJson(await readJson(storage, path, "record"), measurementSchema, path);
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/**
 * The cases of a measurement in which others failed, for one that has the same weights, settings and labels: they need
 * not be measured again if they hold the same.
 */
export function finishedCases(
  before: Measurement | undefined,
  { checkpoint, settings, data }: Provenance,
  tolerance: number,
  edge: VolumeEdge,
): ReadonlyMap<string, MeasuredCase> {
  const same =
    before !== undefined &&
    before.provenance.failures.length > 0 &&
    before.tolerance === tolerance &&
    before.edge === edge &&
    before.provenance.checkpoint.sha256 === checkpoint.sha256 &&
    sameJson(before.provenance.settings, settings) &&
    sameJson(before.provenance.data.labels, data.labels);
  return new Map(same ? before.cases.map((each) => [each.source.content, each]) : []);
}
