import {
  deeplySupervised,
  type ForwardOptions,
  type SegmentationLossSpec,
  type SegmentationNetwork,
  segmentationLoss,
} from "@lobule/nn";
import type { LossScaler, Optimizer, WeightAverage } from "@lobule/optim";
import {
  accumulate,
  changeIntensities,
  channelSum,
  compile,
  type Device,
  deformElastically,
  gradients,
  type Image,
  keepGradients,
  type LoadedProgram,
  labelMap,
  type Measured,
  overlapCounts,
  PlanError,
  type Program,
  type RandomSeed,
  reshape,
  type Scalar,
  sampleSlices,
  scale,
  type Tensor,
  type Update,
  Variable,
  wordsPerDeformation,
  wordsPerField,
  wordsPerIntensityChange,
  wordsPerSample,
  zeros,
} from "@lobule/tensor";
import type { ImageChanges } from "./augment-slice.js";

/** Extents that all programs of a run share. */
export interface InputGeometry {
  readonly height: number;
  readonly width: number;
  /** Pixels from one slice to the next in a batch's memory. */
  readonly slotPixels: number;
  /** What is reserved for the spline coefficients of a slice, where images are resampled by such. */
  readonly coefficientPixels?: number;
  /** Sampled slices that are the channels of the network's input: a slice and its neighbors, of each all channels. */
  readonly images: number;
}

type Words = Tensor<readonly [number], "u32">;

const wordsOf = (length: number) => ({ shape: [length], dtype: "u32" }) as const;

/** Inputs that a program has where they are wanted, else none. */
const where = <Inputs extends object>(wanted: boolean, inputs: Inputs): Partial<Inputs> => (wanted ? inputs : {});

function batchInputs(count: number, { slotPixels, images }: InputGeometry) {
  return {
    pixels: wordsOf((count * images * slotPixels) / 2),
    labels: wordsOf((count * slotPixels) / 4),
    samples: wordsOf(count * images * wordsPerSample),
    ...where(images > 1, { labeled: wordsOf(count * wordsPerSample) }),
  };
}

/** Images and targets of `count` slices. */
function sampled(
  {
    pixels,
    labels,
    samples,
    labeled,
  }: Readonly<Record<"pixels" | "labels" | "samples", Words>> & {
    readonly labeled?: Words;
  },
  { images: slices, ...geometry }: InputGeometry,
  count: number,
) {
  const middle = labeled === undefined ? {} : { labeled };
  return sampleSlices({ pixels, labels, samples, ...middle, slices, batch: count, ...geometry });
}

type LossMetrics = Readonly<Record<"loss" | "pixelLoss" | "overlapLoss", Scalar>>;
/** What a step measures: means over its slices, soft Dice by class. */
type TrainingMetrics = LossMetrics & { readonly dice: Tensor<readonly [1, number], "f32"> };

export type TrainingProgram = Measured<TrainingMetrics> & LoadedProgram;
export type ValidationProgram = Measured<LossMetrics> & LoadedProgram;

/** Mean over the slices of [n, classes]. */
function meanByClass(dice: Tensor<readonly [n: number, classes: number], "f32">) {
  const [batch, classes] = dice.shape;
  return reshape(scale(channelSum(reshape(dice, [batch, classes, 1, 1])), 1 / batch), [1, classes]);
}

/** Logits of every level that the loss takes in. */
const logitsOf = (network: SegmentationNetwork, image: Image, options: ForwardOptions) =>
  network.forwardAll?.(image, options) ?? ([network.forward(image, options)] as const);

/** What the programs of a run compute with. */
export interface ProgramParts {
  readonly network: SegmentationNetwork;
  /** What validation runs: the network, or the one that holds its averaged weights. */
  readonly validated: SegmentationNetwork;
  readonly optimizer: Optimizer;
  /** The largest norm of the gradients of a step. */
  readonly clipNorm: number | null;
  readonly average: WeightAverage | undefined;
  /** What is minimized, in training and validation alike. */
  readonly loss: SegmentationLossSpec;
  readonly geometry: InputGeometry;
  /** The same of what a training step sees, where that is a patch of it. */
  readonly patchGeometry?: InputGeometry | undefined;
  /** What training is told to change in its images. */
  readonly imageChanges: ImageChanges;
  /** How activations and gradients are stored. */
  readonly precision: "f32" | "f16";
  /** Whether a training step makes cheap activations again instead of keeping them. */
  readonly recompute: boolean;
  /** Storage buffers that a kernel may bind on the device; by default those of every adapter. */
  readonly storageBuffers?: number;
  /** Which kernels suit the device. */
  readonly kernels: Device["kernels"];
  /** Keeps f16 gradients from vanishing. */
  readonly scaler: LossScaler | undefined;
}

/** How images are changed, in training alone. */
function changeInputs({ imageChanges, geometry }: ProgramParts, count: number) {
  const length = count * geometry.images * wordsPerIntensityChange;
  const changes = { changes: { shape: [length], dtype: "f32" } } as const;
  return {
    ...where(imageChanges.deformation, { deformations: wordsOf(count * wordsPerDeformation) }),
    ...where(imageChanges.intensities, changes),
  };
}

const stepInputs = { hyper: { shape: [8], dtype: "f32" } } as const;
/** Where weights are averaged. */
const averageInput = { averageShare: { shape: [1], dtype: "f32" } } as const;
const averageInputs = ({ average }: ProgramParts) => where(average !== undefined, averageInput);

/** What changes the network once the gradients are there. */
const stepUpdates = (
  { optimizer, scaler, clipNorm, average }: ProgramParts,
  grads: readonly Tensor[],
  hyper: Tensor<readonly [8], "f32">,
  averageShare: Tensor<readonly [1], "f32"> | undefined,
): Update[] => [
  optimizer.update(grads, hyper, { scaler, clipNorm }),
  ...(average === undefined || averageShare === undefined ? [] : [average.update(averageShare)]),
];

type StepData = Parameters<typeof sampled>[0] & {
  readonly dropoutSeed: RandomSeed;
  readonly deformations?: Words;
  readonly changes?: Tensor<readonly [number], "f32">;
};

/**
 * What becomes of the gradients of the slices that are run at once: the parameters are updated by them, or where they are a part
 * of a batch they are added to those of the others, or kept as they are for who adds them.
 */
export type GradientUse = "update" | "add" | "keep";

/** A step of training on `count` slices at once. With `sums`, gradients are added or kept there and nothing is updated. */
function trainingProgram(
  parts: ProgramParts,
  count: number,
  use: GradientUse,
  sums: readonly Variable[] | undefined,
): Program<TrainingMetrics> {
  const { network, optimizer, loss: spec, precision, recompute, kernels, storageBuffers, scaler } = parts;
  const options = { precision, kernels, recompute, ...(storageBuffers && { storageBuffers }) };
  const geometry = parts.patchGeometry ?? parts.geometry;
  network.train();
  const forward = ({ dropoutSeed, deformations, changes, ...data }: StepData) => {
    const asSampled = sampled(data, geometry, count);
    const { image, target } =
      deformations === undefined ? asSampled : deformElastically(asSampled.image, asSampled.target, deformations);
    const changed = changes === undefined ? image : changeIntensities(image, changes);
    const logitsOfLevels = logitsOf(network, changed, { dropoutSeed });
    return deeplySupervised(logitsOfLevels, (logits) => segmentationLoss(logits, target, spec));
  };
  const inputs = {
    ...batchInputs(count, geometry),
    ...changeInputs(parts, count),
    dropoutSeed: { shape: [4], dtype: "u32" } as const,
  };
  if (sums === undefined) {
    return compile(
      {
        inputs: { ...averageInputs(parts), ...inputs, ...stepInputs },
        build: ({ hyper, averageShare, ...data }) => {
          const { loss, pixelLoss, overlapLoss, dice } = forward(data);
          const grads = gradients(loss, optimizer.parameters, scaler?.scale);
          return {
            metrics: { loss, pixelLoss, overlapLoss, dice: meanByClass(dice) },
            updates: stepUpdates(parts, grads, hyper, averageShare),
          };
        },
      },
      options,
    );
  }
  const sharesInput = { shares: { shape: [2], dtype: "f32" } } as const;
  return compile(
    {
      inputs: { ...inputs, ...where(use !== "keep", sharesInput) },
      build: ({ shares, ...data }) => {
        const { loss, pixelLoss, overlapLoss, dice } = forward(data);
        const grads = gradients(loss, optimizer.parameters, scaler?.scale);
        return {
          metrics: { loss, pixelLoss, overlapLoss, dice: meanByClass(dice) },
          updates: [
            shares === undefined
              ? keepGradients(optimizer.parameters, grads, sums)
              : accumulate(optimizer.parameters, grads, sums, shares),
          ],
        };
      },
    },
    options,
  );
}

/** The update of a batch that was run in parts. */
const updateProgram = (parts: ProgramParts, sums: readonly Variable[]): Program =>
  compile({
    inputs: { ...averageInputs(parts), ...stepInputs },
    build: ({ hyper, averageShare }) => ({ updates: stepUpdates(parts, sums, hyper, averageShare) }),
  });

/** Loss and overlap of `count` slices, by the running statistics and, where there are such, averaged weights. */
function validationProgram(parts: ProgramParts, count: number): Program<LossMetrics> {
  const { validated: network, loss: spec, geometry, precision, kernels } = parts;
  network.eval();
  return compile(
    {
      inputs: batchInputs(count, geometry),
      build: (data) => {
        const { image, target } = sampled(data, geometry, count);
        const logits = network.forward(image);
        const { loss, pixelLoss, overlapLoss } = segmentationLoss(logits, target, spec);
        return { metrics: { loss, pixelLoss, overlapLoss }, outputs: { counts: overlapCounts(logits, target) } };
      },
    },
    { precision, kernels },
  );
}

/** Labels of `count` slices on their own grids, by what validation runs. */
function labelingProgram({ validated: network, geometry, precision, kernels }: ProgramParts, count: number): Program {
  network.eval();
  const { pixels, samples } = batchInputs(count, geometry);
  const { slotPixels, images: slices } = geometry;
  return compile(
    {
      inputs: { pixels, samples, fields: wordsOf(count * wordsPerField) },
      build: ({ fields, ...data }) => {
        const { image } = sampleSlices({ ...data, slices, batch: count, ...geometry });
        return { outputs: { labels: labelMap(network.forward(image), fields, slotPixels) } };
      },
    },
    { precision, kernels },
  );
}

/** The plans of a run's programs; they need no device. */
export class SegmentationPlans {
  /** Where the gradients of parts are added; undefined where batches are not run in parts. */
  private readonly sums: readonly Variable[] | undefined;

  /** @param use of the gradients of a training step. */
  constructor(
    protected readonly parts: ProgramParts,
    private readonly use: GradientUse,
  ) {
    this.sums =
      use === "update"
        ? undefined
        : parts.optimizer.parameters.map(({ name, shape }) => new Variable(name, shape, zeros, "gradient"));
  }

  /** Of a training step on `count` slices at once. */
  plan(count: number): Program<TrainingMetrics> {
    return trainingProgram(this.parts, count, this.use, this.sums);
  }

  /** Of the validation of `count` slices at once. */
  validationPlan(count: number): Program<LossMetrics> {
    return validationProgram(this.parts, count);
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
  private readonly loadedTraining = new Map<number, Promise<TrainingProgram>>();
  private readonly loadedValidation = new Map<number, Promise<ValidationProgram>>();
  private loadedUpdate: Promise<LoadedProgram> | undefined;

  /** @param use of the gradients of a training step. */
  constructor(
    private readonly device: Device,
    parts: ProgramParts,
    use: GradientUse,
  ) {
    super(parts, use);
  }

  training(count: number): Promise<TrainingProgram> {
    return loadedOnce(this.loadedTraining, count, () => this.plan(count).load(this.device));
  }

  validation(count: number): Promise<ValidationProgram> {
    return loadedOnce(this.loadedValidation, count, () => this.validationPlan(count).load(this.device));
  }

  /** Only where batches are run in parts. */
  update(): Promise<LoadedProgram> {
    this.loadedUpdate ??= this.updatePlan().load(this.device);
    return this.loadedUpdate;
  }

  /**
   * Labels of `count` slices, one byte a pixel and a slot a slice. The program's memory is freed again, since this is
   * done between epochs and seldom.
   */
  async labeled(
    count: number,
    inputs: Readonly<Record<"pixels" | "samples" | "fields", Uint32Array<ArrayBuffer>>>,
  ): Promise<Uint8Array> {
    const program = await labelingProgram(this.parts, count).load(this.device);
    try {
      const labels = new Uint8Array(count * this.parts.geometry.slotPixels);
      await Promise.all([program.run(inputs), program.readInto(labels, "labels")]);
      return labels;
    } finally {
      program.destroy();
    }
  }

  /** Frees the programs' memory on the device. The network's variables stay. */
  async destroy(): Promise<void> {
    for (const programs of [this.loadedTraining, this.loadedValidation]) {
      for (const program of programs.values()) (await program).destroy();
      programs.clear();
    }
    (await this.loadedUpdate)?.destroy();
    this.loadedUpdate = undefined;
  }
}

/** The program for so many slices, loaded when it is asked for the first time. */
function loadedOnce<Loaded>(
  known: Map<number, Promise<Loaded>>,
  count: number,
  load: () => Promise<Loaded>,
): Promise<Loaded> {
  const made = known.get(count) ?? load();
  known.set(count, made);
  return made;
}
