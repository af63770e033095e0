import { type SliceCache, type SliceKey, shuffled } from "@lobule/data";
import type { Collective } from "../collective/collective.js";
import { batchesOfEpoch, type DrawnSlice, foregroundGroups, inBatches, slicesOfEpoch } from "./batch-order.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";
import { canTrainAlone, partLengths, partsOf, partsOfRank } from "./part-lengths.js";
import type { SegmentationPlans } from "./segmentation-programs.js";
import { slicesOf } from "./slice-sampling.js";

/** Numbers of the cases of a cache that a run trains and validates on. */
export interface CaseNumbers {
  readonly training: readonly number[];
  readonly validation: readonly number[];
}

/** The slices that a run trains and validates on, and how an epoch's are put into batches. */
export class EpochSlices {
  readonly training: readonly SliceKey[];
  readonly validation: readonly SliceKey[];
  /** Whether a batch or a part of one may be of one slice; see partLengths. */
  readonly alone: boolean;
  private readonly foreground: readonly (readonly SliceKey[])[];
  private readonly numbers: ReadonlyMap<string, number>;

  /** @throws ConfigError when no slice holds foreground and some is to be drawn, or no batch can be trained on. */
  constructor(
    private readonly config: TrainingConfig,
    { cases: cached }: Pick<SliceCache, "cases">,
    cases: CaseNumbers,
    plans: Pick<SegmentationPlans, "plan">,
    private readonly world: Pick<Collective, "rank" | "size">,
  ) {
    const { overfitBatches, batch, microBatch, seed, oversample, oversampleBy } = config;
    const all = slicesOf(cached, cases.training);
    this.numbers = new Map(all.map((key, i) => [keyText(key), i]));
    this.training = overfitBatches === null ? all : shuffled(all, seed, "overfit").slice(0, overfitBatches * batch);
    this.foreground = foregroundGroups(cached, all, oversampleBy);
    if (oversample > 0 && this.foreground.length === 0) {
      throw new ConfigError("no training slice holds foreground, so there is none to draw; leave out --oversample");
    }
    this.alone = canTrainAlone(plans, { slices: this.drawn, batch, microBatch });
    this.validation = overfitBatches === null ? slicesOf(cached, cases.validation) : this.training;
  }

  /** The batches of an epoch, as its number and the seed decide. */
  batchesOf(epoch: number): DrawnSlice[][] {
    const { seed, batch, oversample, overfitBatches, stepsPerEpoch: steps, fastDevRun } = this.config;
    const { training, foreground, alone } = this;
    const batches =
      overfitBatches === null
        ? batchesOfEpoch(training, foreground, { seed, epoch, batch, alone, oversample, steps })
        : inBatches(training, batch, alone);
    return fastDevRun ? batches.slice(0, 2) : batches;
  }

  /** Of a batch, the slices that this rank reads: of the parts that it runs. */
  ownOf(batch: readonly DrawnSlice[]): readonly DrawnSlice[] {
    const { rank, size } = this.world;
    if (size === 1) return batch;
    const parts = partsOf(batch.length, this.config.microBatch ?? batch.length, this.alone);
    return partsOfRank(parts, rank, size).flatMap(({ first, end }) => batch.slice(first, end));
  }

  /** Number of a slice among all those that are trained on; of a slice that is drawn again, another one. */
  sampleNumber(key: DrawnSlice): number {
    return (this.numbers.get(keyText(key)) ?? 0) + key.draw * this.numbers.size;
  }

  /** Slices that a whole epoch draws. */
  get drawn(): number {
    const { batch, stepsPerEpoch } = this.config;
    return slicesOfEpoch(this.training.length, batch, stepsPerEpoch);
  }

  /** Steps of a whole epoch. */
  get steps(): number {
    return partLengths(this.drawn, this.config.batch, this.alone).length;
  }

  /** The most slices that a step runs at once. */
  get mostAtOnce(): number {
    const { batch, microBatch } = this.config;
    const lengths = partLengths(this.drawn, batch, this.alone);
    return Math.max(1, ...lengths.flatMap((length) => partLengths(length, microBatch ?? length, this.alone)));
  }
}

const keyText = ({ case: index, slice }: SliceKey): string => `${index}/${slice}`;
