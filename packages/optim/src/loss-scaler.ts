import type { StateDict } from "@lobule/nn";
import { groupVariables, type LossScaling, type SafetensorsTensor, Variable } from "@lobule/tensor";
import { OptimizerStateError } from "./optimizer-state.js";

/** Settings of a {@link LossScaler}. */
export interface LossScalerOptions {
  /** Scale of the first loss; 65,536 by default. */
  readonly initialScale?: number;
  /** Factor of the scale after `growthInterval` steps in a row without overflow; 2 by default. */
  readonly growthFactor?: number;
  /** Factor of the scale after a step with overflow; 0.5 by default. */
  readonly backoffFactor?: number;
  /** 2000 by default. */
  readonly growthInterval?: number;
  /** Steps that the optimizer took before, without a scaler; 0 by default. */
  readonly takenSteps?: number;
}

/** Names in a checkpoint. */
const prefix = "loss_scaler.";

/**
 * Keeps gradients that are stored as f16 from vanishing: the loss is multiplied by a scale that is as large as it can be
 * without overflow. A step whose gradients hold an infinity or NaN is skipped and the scale halved; after 2000 steps
 * without one it is doubled. All of it is decided on the device, nothing is read back.
 *
 *     const scaler = new LossScaler();
 *     … updates: [adam.update(gradients(loss, adam.parameters, scaler.scale), hyper, { scaler })]
 *
 * One scaler serves one optimizer. Running statistics of batch norms are updated on a skipped step too, as in PyTorch.
 * Source: Micikevicius et al. 2018, "Mixed precision training"; defaults and rule as torch.amp.GradScaler.
 */
export class LossScaler implements LossScaling {
  readonly scale: Variable<readonly [1]>;
  readonly goodSteps: Variable<readonly [1]>;
  readonly takenSteps: Variable<readonly [1]>;
  readonly found: Variable<readonly [1]>;
  readonly growthFactor: number;
  readonly backoffFactor: number;
  readonly growthInterval: number;

  /** @throws RangeError when a number is not within its range. */
  constructor({
    initialScale = 65_536,
    growthFactor = 2,
    backoffFactor = 0.5,
    growthInterval = 2000,
    takenSteps = 0,
  }: LossScalerOptions = {}) {
    const whole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;
    const rules: [string, number, boolean, string][] = [
      ["initialScale", initialScale, initialScale > 0 && Number.isFinite(Math.fround(initialScale)), "positive"],
      ["growthFactor", growthFactor, growthFactor > 1 && Number.isFinite(growthFactor), "above 1"],
      ["backoffFactor", backoffFactor, backoffFactor > 0 && backoffFactor < 1, "between 0 and 1"],
      ["growthInterval", growthInterval, whole(growthInterval, 1), "a whole number of at least 1"],
      ["takenSteps", takenSteps, whole(takenSteps, 0), "a whole number of at least 0"],
    ];
    for (const [name, value, fits, wanted] of rules) {
      if (!fits) throw new RangeError(`LossScaler: ${name} must be ${wanted}, got ${value}`);
    }
    const variable = (name: string, value: number): Variable<readonly [1]> =>
      new Variable(`${prefix}${name}`, [1] as const, Float32Array.of(value), "moment");
    this.scale = variable("scale", initialScale);
    this.goodSteps = variable("good_steps", 0);
    this.takenSteps = variable("taken_steps", takenSteps);
    this.found = variable("found", 0);
    this.growthFactor = growthFactor;
    this.backoffFactor = backoffFactor;
    this.growthInterval = growthInterval;
    groupVariables([this.scale, this.goodSteps, this.takenSteps, this.found]);
  }

  /** The state that a later run resumes from to the same bytes: `loss_scaler.scale`, `.good_steps`, `.taken_steps`. */
  async stateDict(): Promise<StateDict> {
    const state: StateDict = new Map();
    for (const each of this.kept) state.set(each.name, { dtype: "F32", shape: each.shape, data: await each.read() });
    return state;
  }

  /**
   * Replaces the state; entries of others are left alone.
   * @throws OptimizerStateError when an entry is missing, no single number, or none that it comes to.
   */
  loadStateDict(state: ReadonlyMap<string, SafetensorsTensor>): void {
    const writes = this.kept.map((variable) => {
      const entry = state.get(variable.name);
      if (entry?.dtype !== "F32" || entry.data.length !== 1) {
        const found = entry === undefined ? "is missing" : `is ${entry.dtype} of ${entry.data.length} elements`;
        throw new OptimizerStateError(
          `LossScaler: '${variable.name}' ${found}, expected F32 of one element; take a state that was saved from a run with loss scaling`,
        );
      }
      const { data } = entry;
      const value = data[0] ?? Number.NaN;
      // Scales are powers of two, the others counts.
      const possible =
        variable === this.scale
          ? value > 0 && Number.isInteger(Math.log2(value))
          : Number.isInteger(value) && value >= 0;
      if (!possible) {
        throw new OptimizerStateError(
          `LossScaler: '${variable.name}' is ${value}, expected ${variable === this.scale ? "a power of two" : "a count"}; take a state that was saved from a run with loss scaling`,
        );
      }
      return () => variable.write(data);
    });
    for (const write of writes) write();
    this.found.write(Float32Array.of(0));
  }

  private get kept(): readonly Variable<readonly [1]>[] {
    return [this.scale, this.goodSteps, this.takenSteps];
  }
}
