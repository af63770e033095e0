/** Settings of {@link EarlyStopping}. */
export interface EarlyStoppingOptions {
  /** Epochs without improvement after which training stops. */
  readonly patience: number;
  /** By how much a value must beat the best; 0 by default. */
  readonly minimumDelta?: number;
  /** Whether a lower or a higher value is better; "min" by default. */
  readonly mode?: "min" | "max";
}

/** What must be kept to resume after a stop. `best` is null before the first finite value. */
export interface EarlyStoppingState {
  readonly best: number | null;
  readonly badEpochs: number;
}

/** Tells when a value has not improved for `patience` epochs in a row. A value that is NaN is no improvement. */
export class EarlyStopping {
  private best: number | null = null;
  private badEpochs = 0;
  private readonly options: Required<EarlyStoppingOptions>;

  /** @throws RangeError when patience is no whole number of at least 1. */
  constructor({ patience, minimumDelta = 0, mode = "min" }: EarlyStoppingOptions) {
    if (!Number.isSafeInteger(patience) || patience < 1) {
      throw new RangeError(`EarlyStopping: patience must be a whole number of at least 1, got ${patience}`);
    }
    this.options = { patience, minimumDelta, mode };
  }

  /** Takes the value of an epoch; true when training should stop. */
  step(value: number): boolean {
    const { patience, minimumDelta, mode } = this.options;
    const gain = this.best === null ? Number.POSITIVE_INFINITY : mode === "min" ? this.best - value : value - this.best;
    if (Number.isFinite(value) && gain > minimumDelta) {
      this.best = value;
      this.badEpochs = 0;
    } else this.badEpochs += 1;
    return this.badEpochs >= patience;
  }

  state(): EarlyStoppingState {
    return { best: this.best, badEpochs: this.badEpochs };
  }

  restore({ best, badEpochs }: EarlyStoppingState): void {
    this.best = best;
    this.badEpochs = badEpochs;
  }
}
