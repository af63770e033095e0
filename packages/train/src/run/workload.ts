import { z } from "zod";

const count = z.int().nonnegative();

/** What workload.json must look like. */
export const workloadSchema = z.strictObject({
  /** A hash of what each case of the split holds, by its name: image and labels as decoded. */
  cases: z.record(z.string(), z.string()),
  /** The same of the image alone, by which it is known whatever its labels are; runs of older versions have none. */
  images: z.record(z.string(), z.string()).optional(),
  /** What dataset.json said the images were taken with, such as ["CT"]; runs of older versions do not tell. */
  modality: z.array(z.string()).optional(),
  /** A training step on a full batch, by its plan; nothing in it is measured. */
  step: z.strictObject({
    /** Numbers that training changes. */
    parameters: count,
    /** Slices of the batch. */
    slices: count.positive(),
    /** Floating-point operations of all dispatches, forward, backward and update. */
    flops: z.number().nonnegative(),
    /** Bytes that all dispatches read and write, each operand once. */
    bytes: count,
    /** Bytes on the device of the largest program of the step, parameters and their moments included. */
    peakBytes: count,
  }),
});

/** What a run works on, and what a step of it costs by its plan. */
export type Workload = z.output<typeof workloadSchema>;

/** What a training step costs by its plan. */
export type StepCost = Workload["step"];
