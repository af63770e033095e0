import type { SliceKey } from "@lobule/data";
import type { Collective } from "../collective/collective.js";
import { chosenSamples, labelSamples, type SampleSlice } from "./sample-slices.js";
import type { SegmentationPrograms } from "./segmentation-programs.js";
import { validatedAtOnce } from "./size-check.js";
import { type Preprocessing, trainedPreprocessing } from "./slice-sampling.js";
import type { TrainerOptions } from "./trainer-options.js";
import { type Validated, validate } from "./validation.js";

/** Runs the network as it is on the slices that a run validates on, and labels those of them that are drawn. */
export class EpochValidation {
  /** Slices that it runs at once. */
  readonly atOnce: number;

  constructor(
    private readonly options: TrainerOptions,
    private readonly programs: SegmentationPrograms,
    private readonly preprocessing: Preprocessing,
    private readonly slices: readonly SliceKey[],
    private readonly world: Collective,
  ) {
    const { config, model } = options;
    const trained = trainedPreprocessing(preprocessing, model.patch);
    this.atOnce = validatedAtOnce(config.microBatch ?? config.batch, trained, preprocessing);
  }

  /** Undefined when the signal ended it: a run that is resumed with all steps of an epoch done begins with it. */
  validate(): Promise<Validated | undefined> {
    const { cache, config, model, observer, signal } = this.options;
    return validate({
      cache,
      programs: this.programs,
      preprocessing: this.preprocessing,
      classes: model.classes.length,
      atOnce: this.atOnce,
      inputSlices: model.inputSlices,
      slices: config.fastDevRun ? this.slices.slice(0, this.atOnce) : this.slices,
      world: this.world,
      ...(signal === undefined ? {} : { signal }),
      onProgress: (done, total) => observer?.validating?.(done, total),
    });
  }

  /** The slices that show a run as it learns, labeled. */
  samples(): Promise<SampleSlice[]> {
    return this.labeled(chosenSamples(this.options.cache.cases, this.slices));
  }

  /** @throws PlanError, DeviceError, DataError. */
  labeled(slices: readonly SliceKey[]): Promise<SampleSlice[]> {
    const { cache, model } = this.options;
    const atOnce = Math.min(this.atOnce, this.slices.length);
    return labelSamples(
      { cache, programs: this.programs, preprocessing: this.preprocessing, inputSlices: model.inputSlices, atOnce },
      slices,
    );
  }
}
