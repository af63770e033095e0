import { settingProblem, settingSchemaOf } from "@lobule/data";
import { z } from "zod";
import { type EpochSums, noSums } from "./epoch-sums.js";

const whole = z.int().min(0);
const single = z.tuple([z.number()]);

/**
 * Sums as they are saved, by the names of the first version, so that checkpoints stay what they were: `crossEntropy` is
 * the term by pixels and `diceLoss` the term by overlap of whatever loss it is. Nothing before the first slice.
 */
const savedSums = z.union([
  z.strictObject({}).transform((): EpochSums => noSums),
  z
    .strictObject({
      slices: single,
      loss: single,
      crossEntropy: single,
      diceLoss: single,
      dice: z.array(z.number()),
    })
    .transform(
      ({ slices, loss, crossEntropy, diceLoss, dice }): EpochSums => ({
        slices: slices[0],
        loss: loss[0],
        pixelLoss: crossEntropy[0],
        overlapLoss: diceLoss[0],
        dice,
      }),
    ),
]);

/** Where a run stands, besides the tensors of its checkpoint. Enough to resume to the same bytes. */
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
  /** Sums over the slices of the epoch so far. */
  sums: savedSums,
  /** Why the run ended; null while it runs. */
  finished: z.enum(["all epochs done", "early stopping"]).nullable(),
});

export type TrainingState = z.infer<typeof trainingState>;

/** The state before the first step. */
export const startState = ({
  plateau,
  earlyStopping,
}: Pick<TrainingState, "plateau" | "earlyStopping">): TrainingState => ({
  epoch: 0,
  step: 0,
  globalStep: 0,
  optimizerSteps: 0,
  best: null,
  finished: null,
  plateau,
  earlyStopping,
  sums: noSums,
});

/** The state as {@link parseTrainingState} reads it. */
export function savedState({ sums, ...state }: TrainingState): z.input<typeof trainingState> {
  const { slices, loss, pixelLoss, overlapLoss, dice } = sums;
  const saved = {
    slices: [slices],
    loss: [loss],
    crossEntropy: [pixelLoss],
    diceLoss: [overlapLoss],
    dice: [...dice],
  } satisfies z.input<typeof savedSums>;
  return { ...state, sums: slices === 0 ? {} : saved };
}

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
  const { path, problem } = settingProblem(result.error, value, settingSchemaOf(trainingState));
  throw new TrainingStateError(
    `${source}: the saved state of training does not fit: '${path.join(".")}' ${problem}; start a new run with another --out`,
  );
}
