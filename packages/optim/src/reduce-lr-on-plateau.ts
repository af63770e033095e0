/** Settings of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions {
  readonly learningRate: number;
  /** Whether a lower or a higher value is better; "min" by default. */
  readonly mode?: "min" | "max";
  /** What the rate is multiplied by; 0.1 by default. */
  readonly factor?: number;
  /** Epochs without improvement that are let pass; 10 by default. The next one reduces the rate. */
  readonly patience?: number;
  /** By how much a value must beat the best; 1e-4 by default. */
  readonly threshold?: number;
  /** "rel": value < best·(1 − threshold); "abs": value < best − threshold; "rel" by default. */
  readonly thresholdMode?: "rel" | "abs";
  /** Epochs after a reduction in which bad ones are not counted; 0 by default. */
  readonly cooldown?: number;
  /** The rate is not reduced below this; 0 by default. */
  readonly minimum?: number;
  /** A reduction by this or less is left out; 1e-8 by default. */
  readonly epsilon?: number;
}

/** What must be kept to resume after a stop. `best` is null before the first value. */
export interface ReduceLROnPlateauState {
  readonly learningRate: number;
  readonly best: number | null;
  readonly badEpochs: number;
  readonly cooldownLeft: number;
}

/**
 * Reduces the learning rate when a value has stopped improving.
 *
 * After each epoch: a better value becomes the best and clears the count of bad epochs; any other, NaN included, raises
 * it. Past `patience` the rate becomes max(rate·factor, minimum), if that is lower by more than epsilon; the count
 * starts again either way. Source: torch.optim.lr_scheduler.ReduceLROnPlateau, the same to the digit.
 */
export class ReduceLROnPlateau {
  learningRate: number;
  /** ±∞ before the first value. */
  best: number;
  badEpochs = 0;
  private cooldownLeft = 0;
  private readonly options: Required<Omit<ReduceLROnPlateauOptions, "learningRate">>;

  /** @throws RangeError when factor is not below 1, where the rate would grow. */
  constructor({
    learningRate,
    mode = "min",
    factor = 0.1,
    patience = 10,
    threshold = 1e-4,
    thresholdMode = "rel",
    cooldown = 0,
    minimum = 0,
    epsilon = 1e-8,
  }: ReduceLROnPlateauOptions) {
    if (!(factor < 1)) throw new RangeError(`ReduceLROnPlateau: factor must be below 1, got ${factor}`);
    this.learningRate = learningRate;
    this.best = mode === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    this.options = { mode, factor, patience, threshold, thresholdMode, cooldown, minimum, epsilon };
  }

  /** Takes the value of an epoch and returns the learning rate of the next one. */
  step(value: number): number {
    const { patience, cooldown } = this.options;
    if (this.isBetter(value)) {
      this.best = value;
      this.badEpochs = 0;
    } else this.badEpochs += 1;
    if (this.cooldownLeft > 0) {
      this.cooldownLeft -= 1;
      this.badEpochs = 0;
    }
    if (this.badEpochs > patience) {
      this.reduce();
      this.cooldownLeft = cooldown;
      this.badEpochs = 0;
    }
    return this.learningRate;
  }

  state(): ReduceLROnPlateauState {
    const { learningRate, badEpochs, cooldownLeft } = this;
    return { learningRate, best: Number.isFinite(this.best) ? this.best : null, badEpochs, cooldownLeft };
  }

  restore({ learningRate, best, badEpochs, cooldownLeft }: ReduceLROnPlateauState): void {
    const none = this.options.mode === "min" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    Object.assign(this, { learningRate, best: best ?? none, badEpochs, cooldownLeft });
  }

  private reduce(): void {
    const { factor, minimum, epsilon } = this.options;
    const reduced = Math.max(this.learningRate * factor, minimum);
    if (this.learningRate - reduced > epsilon) this.learningRate = reduced;
  }

  private isBetter(value: number): boolean {
    const { mode, threshold, thresholdMode } = this.options;
    if (mode === "min") {
      return value < (thresholdMode === "rel" ? this.best * (1 - threshold) : this.best - threshold);
    }
    return value > (thresholdMode === "rel" ? this.best * (threshold + 1) : this.best + threshold);
  }
}
