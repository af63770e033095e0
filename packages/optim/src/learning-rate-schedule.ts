/** How the learning rate changes from step to step. "plateau" leaves it to {@link ReduceLROnPlateau} after each epoch. */
export type ScheduleKind = "plateau" | "constant" | "cosine" | "polynomial";

export interface ScheduleOptions {
  readonly schedule: ScheduleKind;
  /** Steps over which the rate rises from nothing, linearly. */
  readonly warmupSteps: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
}

/** Exponent of the polynomial schedule: that of DeepLab and nnU-Net. */
const polynomialPower = 0.9;

/**
 * What the learning rate is multiplied by at a step (from 0) of a run of T steps with a warm-up of W:
 * (step + 1)/W during the warm-up; then, with progress t = (step − W)/(T − W),
 * cosine: (1 + cos πt)/2 (Loshchilov and Hutter 2017, SGDR, eq. 5, one cycle down to 0);
 * polynomial: (1 − t)^0.9 (Chen et al. 2017, DeepLab; Isensee et al. 2021, nnU-Net);
 * constant and plateau: 1.
 */
export function learningRateFactor({ schedule, warmupSteps, totalSteps }: ScheduleOptions, step: number): number {
  if (step < warmupSteps) return (step + 1) / warmupSteps;
  const progress = Math.min((step - warmupSteps) / Math.max(totalSteps - warmupSteps, 1), 1);
  switch (schedule) {
    case "cosine":
      return (1 + Math.cos(Math.PI * progress)) / 2;
    case "polynomial":
      return (1 - progress) ** polynomialPower;
    case "constant":
    case "plateau":
      return 1;
  }
}
