import { z } from "zod";

const name = z.string();

/** What the figures of an evaluation are of, as its JSON has it. */
export const provenanceSchema = z.object({
  run: z.object({
    /** Full path. */
    directory: name,
    /** How far it was: "epoch 1 of 100, interrupted"; null where that is not known. */
    state: name.nullable(),
    finished: z.boolean().nullable(),
  }),
  checkpoint: z.object({
    /** Full path, and SHA-256 of the file in hexadecimal. */
    file: name,
    sha256: name,
    /** From 1; null where the checkpoint does not say. */
    epoch: z.int().nullable(),
  }),
  /** Where the cases were, and what dataset.json calls their labels. */
  data: z.object({ directory: name, labels: z.array(name), modality: z.array(name) }),
  settings: z.object({
    mirror: z.boolean(),
    precision: z.enum(["f32", "f16"]),
    /** Labels of the data, from, that were counted as labels of the model, to, beyond those whose names agree. */
    map: z.array(z.object({ from: z.int(), to: z.int() })),
    /** Whether cases that the run was trained on are among those that were measured. */
    includeTraining: z.boolean(),
    /** Whether what was chosen for the model's labels was done to them; not there where nothing was. */
    postprocessing: z.boolean().optional(),
  }),
  /** Cases that the run was trained on and that were therefore left out. */
  leftOut: z.array(name),
  /** Cases that could not be measured. */
  failures: z.array(z.object({ name, error: name })),
  /** What must be known to read the figures, a sentence each. */
  notes: z.array(name),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Of which weights, data and settings an evaluation is. */
export type Provenance = DeepReadonly<z.output<typeof provenanceSchema>>;

/** The settings that an evaluation was made with. */
export type EvaluationSettings = Provenance["settings"];

/** What a run has to do with a case: trained on it, held it out, none; "unknown" where it did not write that down. */
export type CaseUse = "training" | "validation" | "none" | "unknown";

/** Where a measured case is from. */
export interface CaseSource {
  readonly use: CaseUse;
  /** Hash of image, labels and grid. */
  readonly content: string;
  /** What is to be known of it, a sentence; null for nothing. */
  readonly note: string | null;
}

/** "2=1 3=1" */
export const mapText = (map: EvaluationSettings["map"]): string => map.map(({ from, to }) => `${from}=${to}`).join(" ");
