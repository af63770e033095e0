import { type AttentionResUNet, diceCrossEntropy } from "@lobule/nn";
import {
  accumulate,
  channelSum,
  compile,
  type Device,
  gradients,
  type LoadedProgram,
  overlapCounts,
  PlanError,
  type Program,
  reshape,
  type Scalar,
  sampleSlices,
  scale,
  sliceChannels,
  type Tensor,
  Variable,
  wordsPerSample,
} from "@lobule/tensor";
import type { Adam } from "../adam.js";
import type { LossScaler } from "../loss-scaler.js";

/** Extents that all programs of a run share. */
export interface InputGeometry {
  readonly height: number;
  readonly width: number;
  /** Pixels from one slice to the next in a batch's memory. */
  readonly slotPixels: number;
}

const batchInputs = (count: number, slotPixels: number) =>
  ({
    pixels: { shape: [(count * slotPixels) / 2], dtype: "u32" },
    labels: { shape: [(count * slotPixels) / 4], dtype: "u32" },
    samples: { shape: [count * wordsPerSample], dtype: "u32" },
  }) as const;

/** Mean soft Dice of each class as scalars `dice0`, `dice1`, … */
function diceMetrics(dice: Tensor<readonly [number, number], "f32">): Record<string, Scalar> {
  const [batch, classes] = dice.shape;
  const means = reshape(scale(channelSum(reshape(dice, [batch, classes, 1, 1])), 1 / batch), [1, classes, 1, 1]);
  return Object.fromEntries(
    Array.from({ length: classes }, (_, c) => [`dice${c}`, reshape(sliceChannels(means, c, c + 1), [1]) as Scalar]),
  );
}

/** What the programs of a run compute with. */
export interface ProgramParts {
  readonly network: AttentionResUNet<1, number>;
  readonly adam: Adam;
  readonly geometry: InputGeometry;
  /** How activations and gradients are stored. */
  readonly precision: "f32" | "f16";
  /** Keeps f16 gradients from vanishing. */
  readonly scaler: LossScaler | undefined;
}

const updateOptions = (scaler: LossScaler | undefined) => (scaler === undefined ? {} : { scaler });

/** A step of training on `count` slices at once. With `sums`, gradients are added there and nothing is updated. */
function trainingProgram(
  { network, adam, geometry, precision, scaler }: ProgramParts,
  count: number,
  sums: readonly Variable[] | undefined,
): Program {
  network.train();
  const { height, width, slotPixels } = geometry;
  const forward = (pixels: Tensor, labels: Tensor, samples: Tensor) => {
    const { image, target } = sampleSlices({
      pixels: pixels as Tensor<readonly [number], "u32">,
      labels: labels as Tensor<readonly [number], "u32">,
      samples: samples as Tensor<readonly [number], "u32">,
      ...{ slotPixels, batch: count, height, width },
    });
    return diceCrossEntropy(network.forward(image), target);
  };
  const inputs = batchInputs(count, slotPixels);
  if (sums === undefined) {
    return compile(
      {
        inputs: { ...inputs, hyper: { shape: [8], dtype: "f32" } },
        build: ({ pixels, labels, samples, hyper }) => {
          const { loss, crossEntropy, diceLoss, dice } = forward(pixels, labels, samples);
          const slopes = gradients(loss, adam.parameters, scaler?.scale);
          return {
            metrics: { loss, crossEntropy, diceLoss, ...diceMetrics(dice) },
            updates: [adam.update(slopes, hyper, updateOptions(scaler))],
          };
        },
      },
      { precision },
    );
  }
  return compile(
    {
      inputs: { ...inputs, shares: { shape: [2], dtype: "f32" } },
      build: ({ pixels, labels, samples, shares }) => {
        const { loss, crossEntropy, diceLoss, dice } = forward(pixels, labels, samples);
        const slopes = gradients(loss, adam.parameters, scaler?.scale);
        return {
          metrics: { loss, crossEntropy, diceLoss, ...diceMetrics(dice) },
          updates: [accumulate(adam.parameters, slopes, sums, shares)],
        };
      },
    },
    { precision },
  );
}

/** The update of a batch that was run in parts. */
const updateProgram = ({ adam, scaler }: ProgramParts, sums: readonly Variable[]): Program =>
  compile({
    inputs: { hyper: { shape: [8], dtype: "f32" } },
    build: ({ hyper }) => ({ updates: [adam.update(sums, hyper, updateOptions(scaler))] }),
  });

/** Loss and overlap of `count` slices, by the running statistics. */
function validationProgram({ network, geometry, precision }: ProgramParts, count: number): Program {
  network.eval();
  const { height, width, slotPixels } = geometry;
  return compile(
    {
      inputs: batchInputs(count, slotPixels),
      build: ({ pixels, labels, samples }) => {
        const { image, target } = sampleSlices({ pixels, labels, samples, slotPixels, batch: count, height, width });
        const logits = network.forward(image);
        const { loss, crossEntropy, diceLoss } = diceCrossEntropy(logits, target);
        return { metrics: { loss, crossEntropy, diceLoss }, outputs: { counts: overlapCounts(logits, target) } };
      },
    },
    { precision },
  );
}

/** The plans of a run's programs; they need no device. */
export class SegmentationPlans {
  protected readonly sums: readonly Variable[] | undefined;

  /** @param accumulates whether batches are run in parts. */
  constructor(
    protected readonly parts: ProgramParts,
    accumulates: boolean,
  ) {
    this.sums = accumulates
      ? parts.adam.parameters.map(
          ({ name, shape }) => new Variable(name, shape, new Float32Array(sizeOf(shape)), "gradient"),
        )
      : undefined;
  }

  /** Of a training step on `count` slices at once. */
  plan(count: number): Program {
    return trainingProgram(this.parts, count, this.sums);
  }

  /** Of the update of a batch that was run in parts. */
  updatePlan(): Program {
    const { sums } = this;
    if (sums === undefined) throw new PlanError("batches are not run in parts, so a step updates by itself");
    return updateProgram(this.parts, sums);
  }
}

/**
 * The programs of a run, made when a number of slices is met for the first time: mostly two a mode, for full batches
 * and for the rest at the end of an epoch.
 */
export class SegmentationPrograms extends SegmentationPlans {
  private readonly loaded = new Map<string, Promise<LoadedProgram>>();

  /** @param accumulates whether batches are run in parts. */
  constructor(
    private readonly device: Device,
    parts: ProgramParts,
    accumulates: boolean,
  ) {
    super(parts, accumulates);
  }

  training(count: number): Promise<LoadedProgram> {
    return this.load(`training ${count}`, () => trainingProgram(this.parts, count, this.sums));
  }

  validation(count: number): Promise<LoadedProgram> {
    return this.load(`validation ${count}`, () => validationProgram(this.parts, count));
  }

  /** Only where batches are run in parts. */
  update(): Promise<LoadedProgram> {
    return this.load("update", () => this.updatePlan());
  }

  /** Frees the programs' memory on the device. The network's variables stay. */
  async destroy(): Promise<void> {
    for (const program of this.loaded.values()) (await program).destroy();
    this.loaded.clear();
  }

  private load(key: string, make: () => Program): Promise<LoadedProgram> {
    const known = this.loaded.get(key);
    if (known !== undefined) return known;
    const made = make().load(this.device);
    this.loaded.set(key, made);
    return made;
  }
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1);
