import { z } from "zod";

const whole = z.int().min(0);

/** Where a run stands, besides the tensors of its checkpoint. Enough to go on to the same bytes. */
const trainingState = z.strictObject({
  /** The epoch under way, from 0. */
  epoch: whole,
  /** Steps done in it. */
  step: whole,
  /** Steps done since the start. */
  globalStep: whole,
  /** Updates by the optimizer. */
  optimizerSteps: whole,
  plateau: z.strictObject({
    learningRate: z.number().positive(),
    best: z.number().nullable(),
    badEpochs: whole,
    cooldownLeft: whole,
  }),
  earlyStopping: z.strictObject({ best: z.number().nullable(), badEpochs: whole }),
  /** Lowest validation loss and its epoch. */
  best: z.strictObject({ loss: z.number(), epoch: whole }).nullable(),
  /** Sums over the slices of the epoch so far, by name. */
  sums: z.record(z.string(), z.array(z.number())),
  /** Why the run ended; null while it goes on. */
  finished: z.enum(["all epochs done", "early stopping"]).nullable(),
});

export type TrainingState = z.infer<typeof trainingState>;

/** How a run ended. */
export type TrainingOutcome = "all epochs done" | "early stopping" | "paused" | "interrupted";

/** A checkpoint that does not belong to a run of this version. */
export class TrainingStateError extends Error {
  override readonly name = "TrainingStateError";
}

/** @throws TrainingStateError naming `source` when the value is no state of a run. */
export function parseTrainingState(value: unknown, source: string): TrainingState {
  const result = trainingState.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new TrainingStateError(
    `${source}: the saved state of training does not fit ('${issue?.path.join(".") ?? ""}': ${issue?.message ?? ""}); start a new run with another --out`,
  );
}
