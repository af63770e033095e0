import type { StepProgress } from "@lobule/train";

/**
 * Seconds until the last epoch is done, if no epoch ends the run before: what is left of this epoch, and the others as
 * long as the last one was.
 * @param lastEpoch seconds of the epoch before with its validation, where this process has seen one.
 */
export function runSecondsLeft(
  {
    epoch,
    epochs,
    step,
    steps,
    secondsLeft,
  }: Pick<StepProgress, "epoch" | "epochs" | "step" | "steps" | "secondsLeft">,
  lastEpoch: number | undefined,
): number {
  const training = step < steps ? (secondsLeft * steps) / (steps - step) : 0;
  const whole = lastEpoch ?? training;
  const done = step < steps ? training - secondsLeft : whole;
  const thisEpoch = Math.max(secondsLeft, whole - done);
  return whole === 0 ? Number.NaN : thisEpoch + (epochs - epoch - 1) * whole;
}
