import { type PlaneBox, type Quantization, storeSlices, type ZScores } from "@lobule/data";
import {
  type CompileOptions,
  compile,
  type Device,
  entropyMap,
  extractPatches,
  type Image,
  inverted,
  type LoadedProgram,
  labelMap,
  type MirrorAxes,
  mergePatches,
  packLabelFields,
  packSamples,
  relu,
  type SliceSample,
  sampleSlices,
  softmaxChannels,
  subtract,
  type Tensor,
  wordsPerField,
  wordsPerSample,
} from "@lobule/tensor";
import { isByImage } from "../model/intensities.js";
import type { ModelDescription } from "../model/model-description.js";
import { requireF16 } from "../require-f16.js";
import {
  oddPixelOf,
  plainMapping,
  type SliceGrid,
  type SliceMapping,
  type SliceSpacing,
  samplesOf,
  splineMemory,
} from "../trainer/slice-sampling.js";
import { Ensemble, mean, type PredictingModel } from "./ensemble.js";
import { fieldOf, gaussianProfile, patchGrid, usualStep } from "./patch-grid.js";
import type { SliceMaps, UncertaintyMap } from "./uncertainty-files.js";

/** How slices are predicted. */
export interface PredictorOptions {
  /** Slices that are run at once; 4 by default. Memory grows with it, and with nothing else. */
  readonly atOnce?: number;
  /** Averages the probabilities of each slice and its mirror images, by default of both axes; off by default. */
  readonly mirror?: boolean | MirrorAxes;
  /** How far patches are from one another, where the network sees such, as a share of them; 0.5 by default. */
  readonly step?: number;
  /** Also makes maps of how unsure the model is; off by default. See {@link uncertaintyMaps}. */
  readonly uncertainty?: boolean;
  /** In which type activations are stored, as in {@link CompileOptions.precision}; "f32" by default. */
  readonly precision?: CompileOptions["precision"];
}

interface Extents {
  readonly width: number;
  readonly height: number;
}

/** The program for slices of some extents, whose images have some. */
interface Prepared {
  readonly slotPixels: number;
  /** Of the image of a slice, as a whole. */
  readonly field: Extents;
  readonly program: LoadedProgram;
  /** Of all images that are run at once; used again by every call. */
  readonly pixels: Uint32Array<ArrayBuffer>;
  /** Of all slices that are run at once; used by turns, so that those of one call can be looked at during the next two. */
  readonly results: BatchArrays[];
}

/** Slices of a channel, as they are stored for the GPU. */
type StoredSlices = ReturnType<typeof storeSlices>;

/** Of each channel of a scan, where a network sees it by the scan itself. */
export type ScanZScores = readonly (ZScores | undefined)[];

/** What is read of the slices that are run at once, one after another. */
interface BatchArrays {
  readonly labels: Uint8Array;
  readonly maps: Readonly<Partial<Record<UncertaintyMap, Float32Array<ArrayBuffer>>>>;
}

/** A slice with how unsure the model is of it; both on the slice's own grid. */
export interface UncertainSlice {
  readonly labels: Uint8Array;
  readonly maps: SliceMaps;
}

/**
 * Trained networks that label slices: windowed, resampled as in training, taken in patches where they are larger than what
 * the networks see at once, and brought back to their own grid.
 */
export class SlicePredictor {
  readonly description: ModelDescription;
  readonly atOnce: number;
  private readonly ensemble: Ensemble;
  private prepared: Promise<Prepared> | undefined;
  private grid = "";

  /**
   * @param models one, or several whose scores are averaged in this order.
   * @throws ModelError when several differ in classes, size or neighboring slices; StateDictError when weights are not of
   * the network that is described; PlanError for precision f16 on an adapter without shader-f16.
   */
  constructor(
    private readonly device: Device,
    models: PredictingModel | readonly PredictingModel[],
    private readonly options: PredictorOptions = {},
  ) {
    if (options.precision === "f16") requireF16(device);
    this.ensemble = new Ensemble("description" in models ? [models] : models);
    this.description = this.ensemble.description;
    this.atOnce = options.atOnce ?? 4;
  }

  /** How many classes there are, the background included. */
  get classes(): number {
    return this.description.classes.length;
  }

  /**
   * Whether a network sees z-scores by the scan itself, of each channel: mean and deviation of those must be given with the
   * slices then.
   */
  get inZScores(): readonly boolean[] {
    return (
      this.ensemble.views[0]?.map((_, c) => this.ensemble.views.some((view) => isByImage(view[c] ?? view[0]))) ?? []
    );
  }

  /** Whether the networks see the body alone, so that the box of {@link bodyBoxOf} must be given with the slices. */
  get crops(): boolean {
    return this.description.crop === "body";
  }

  /** Of each scan. */
  get channels(): number {
    return this.inZScores.length;
  }

  /** Slices on either side of one that the network looks at besides. */
  get margin(): number {
    return (this.description.inputSlices - 1) / 2;
  }

  /**
   * Labels of slices, one byte a pixel, x fastest. Fewer than `atOnce` slices take as long as so many.
   *
   * May be called once more, with slices of the same extents, before the labels are there, so that the GPU has work
   * meanwhile; results come in the order of the calls. Labels last until the third call after theirs: its memory is
   * theirs, since new memory for each call would keep the garbage collector busy.
   * @param slices HU, x fastest, all of the same extents; at most `atOnce`, with `margin` slices before and after them
   * that are looked at only. Of a scan of several channels those of a slice come one after another.
   * @param spacing mm along x and y; only of networks that see slices at a spacing of theirs.
   * @param zScores of each channel of the whole scan, where {@link inZScores} asks for them.
   * @param box of the body in the whole scan, where it {@link crops}.
   * @throws RangeError when there are more slices, one has another number of pixels, a channel is missing, or a spacing,
   * z-scores or a box are needed and not given.
   */
  async predict(
    slices: readonly ArrayLike<number>[],
    width: number,
    height: number,
    spacing?: SliceSpacing,
    zScores?: ScanZScores,
    box?: PlaneBox,
  ): Promise<Uint8Array[]> {
    return (await this.predictUncertain(slices, width, height, spacing, zScores, box)).map(({ labels }) => labels);
  }

  /** Labels as {@link predict} gives them, with the maps that were asked for when the predictor was made. */
  async predictUncertain(
    slices: readonly ArrayLike<number>[],
    width: number,
    height: number,
    spacing?: SliceSpacing,
    zScores: ScanZScores = [],
    box?: PlaneBox,
  ): Promise<UncertainSlice[]> {
    const { atOnce, channels: ofScan } = this;
    const count = this.countOf(slices, width, height, zScores);
    const source = this.sourceOf(width, height, spacing, box);
    const { slotPixels, field: input, program, pixels, results } = await this.programFor(source);
    const mappings = this.mappingsOf(source, input);
    const { inputSlices } = this.description;
    const channels = this.inputs;
    const wordsPerSlice = slotPixels / 2;
    const stored = this.storedViews(slices, slotPixels, zScores, channels === 1 ? pixels : undefined);
    const quantizations: Quantization[] = [];
    const ofView = inputSlices * ofScan;
    for (let at = 0; at < count * channels; at++) {
      const channel = at % channels;
      const through = stored[Math.floor(channel / ofView)]?.[channel % ofScan] as StoredSlices;
      const slice = Math.floor(at / channels) + Math.floor((channel % ofView) / ofScan);
      quantizations.push(through.quantizations[slice] as Quantization);
      if (channels === 1) continue;
      pixels.set(through.pixels.subarray(slice * wordsPerSlice, (slice + 1) * wordsPerSlice), at * wordsPerSlice);
    }
    pixels.fill(0, count * channels * wordsPerSlice);
    const [[mapping]] = mappings as [SliceMapping];
    const field = { width, height, transform: inverted(mapping.transform) };
    const samples = samplesOf(Array<readonly SliceMapping[]>(count).fill(mappings).flat(), quantizations, inputSlices);
    // Slots behind the last slice hold nothing; their labels are not looked at.
    const filled = Array.from({ length: atOnce * channels }, (_, i) => samples[i] ?? (samples[0] as SliceSample));
    const result = results.shift() as BatchArrays;
    results.push(result);
    const maps = Object.entries(result.maps);
    // Nothing comes between the two, not even another call.
    const queued = program.run({
      pixels,
      samples: packSamples(filled),
      fields: packLabelFields(Array.from({ length: atOnce }, () => field)),
    });
    await Promise.all([
      queued,
      program.readInto(result.labels, "labels"),
      ...maps.map(([name, map]) => program.readInto(new Uint8Array(map.buffer), name)),
    ]);
    return Array.from({ length: count }, (_, n) => {
      const [from, to] = [n * slotPixels, n * slotPixels + width * height];
      const own = maps.map(([name, map]) => [name, map.subarray(from, to)]);
      return { labels: result.labels.subarray(from, to), maps: Object.fromEntries(own) };
    });
  }

  /** How many slices are to be labeled, without those on either side. @throws RangeError as {@link predict}. */
  private countOf(slices: readonly ArrayLike<number>[], width: number, height: number, zScores: ScanZScores): number {
    const { atOnce, margin, channels } = this;
    const count = slices.length / channels - 2 * margin;
    if (!Number.isInteger(count)) {
      throw new RangeError(`predict: ${slices.length} channels of slices, of which each has ${channels}`);
    }
    if (count < 1 || count > atOnce) {
      throw new RangeError(
        margin === 0
          ? `predict: ${count} slices at once, this predictor takes ${atOnce}`
          : `predict: ${count + 2 * margin} slices at once, this predictor takes up to ${atOnce} and ${margin} on either side`,
      );
    }
    for (const { length } of slices) {
      if (length !== width * height) {
        throw new RangeError(`predict: a slice has ${length} pixels, expected ${width}×${height}`);
      }
    }
    if (this.inZScores.some((needed, c) => needed && zScores[c] === undefined)) {
      throw new RangeError(
        "predict: the network sees z-scores by the scan itself, so its mean and deviation must be given",
      );
    }
    return count;
  }

  /** Channels of the input of all networks together. */
  private get inputs(): number {
    return this.ensemble.views.length * this.description.inputSlices * this.channels;
  }

  /** Of each view the slices of each channel, as they are stored for it. @param pixels where they go, if anywhere. */
  private storedViews(
    slices: readonly ArrayLike<number>[],
    slotPixels: number,
    zScores: ScanZScores,
    pixels: Uint32Array<ArrayBuffer> | undefined,
  ): StoredSlices[][] {
    const ofChannel = this.inZScores.map((_, c) => slices.filter((_, i) => i % this.channels === c));
    return this.ensemble.views.map((view) =>
      view.map((each, c) =>
        storeSlices(ofChannel[c] ?? [], slotPixels, each.window, pixels, isByImage(each) ? zScores[c] : undefined),
      ),
    );
  }

  /**
   * Compiles what slices of these extents need, before there are any; where the networks see the body alone, slices that it fills.
   * @throws PlanError where they take more than the adapter has; RangeError as {@link predict}.
   */
  async prepareFor(width: number, height: number, spacing?: SliceSpacing): Promise<void> {
    const whole = this.crops ? { x: 0, y: 0, width, height } : undefined;
    await this.programFor(this.sourceOf(width, height, spacing, whole));
  }

  /** Frees the device memory of the programs. */
  async close(): Promise<void> {
    (await this.prepared)?.program.destroy();
    this.prepared = undefined;
  }

  /** The grid of slices, and what is shown of them. @throws RangeError when a spacing or a box is needed and not given. */
  private sourceOf(
    width: number,
    height: number,
    spacing: SliceSpacing | undefined,
    box: PlaneBox | undefined,
  ): SliceGrid {
    if (this.description.spacing !== undefined && spacing === undefined) {
      throw new RangeError("predict: the network sees slices at a spacing of its own, so theirs must be given");
    }
    if (this.crops && box === undefined) {
      throw new RangeError("predict: the network sees the body alone, so its box in the scan must be given");
    }
    const shown = this.crops && box !== undefined ? { box } : {};
    return { shape: [width, height, 1], spacing: spacing ?? [1, 1], ...shown };
  }

  /** How slices become images, for each view of the ensemble. @param input extents of the image of a slice. */
  private mappingsOf(source: SliceGrid, input: Extents): SliceMapping[] {
    const { size, spacing } = this.description;
    const placed = { ...input, spacing, resample: size !== null, oddPixel: oddPixelOf(this.description) };
    return this.ensemble.views.map((view) => plainMapping(source, { ...placed, channels: view }));
  }

  /** The program for slices of these extents; that of others is freed. */
  private async programFor(source: SliceGrid): Promise<Prepared> {
    const [width, height] = source.shape;
    const field = fieldOf(source, this.description, this.ensemble.divisor);
    const grid = `${width}×${height} ${field.width}×${field.height}`;
    if (this.prepared === undefined || this.grid !== grid) {
      const before = this.prepared;
      this.grid = grid;
      const preparing = this.prepare(source, field);
      this.prepared = preparing;
      // What cannot be had is not kept: it would fail again where it is freed.
      preparing.catch(() => {
        if (this.prepared === preparing) this.prepared = undefined;
      });
      (await before?.catch(() => undefined))?.program.destroy();
      return preparing;
    }
    return this.prepared;
  }

  private async prepare(source: SliceGrid, field: Extents): Promise<Prepared> {
    const { patch } = this.description;
    const [width, height] = source.shape;
    const sampling = { ...field, ...splineMemory([source], this.description) };
    const channels = this.inputs;
    const slotPixels = 4 * Math.ceil((width * height) / 4);
    const {
      atOnce,
      options: { precision, mirror = false, step = usualStep, uncertainty = false },
    } = this;
    const axes = typeof mirror === "boolean" ? { x: mirror, y: mirror } : mirror;
    const patches = patch && patchGrid(field, patch, step);
    const program = compile(
      {
        inputs: {
          pixels: { shape: [(atOnce * channels * slotPixels) / 2], dtype: "u32" },
          samples: { shape: [atOnce * channels * wordsPerSample], dtype: "u32" },
          fields: { shape: [atOnce * wordsPerField], dtype: "u32" },
        },
        build: ({ pixels, samples, fields }) => {
          const { image } = sampleSlices({ pixels, samples, slices: channels, slotPixels, batch: atOnce, ...sampling });
          const merged = (scores: Image): Image =>
            patches === undefined ? scores : mergePatches(scores, patches, gaussianProfile);
          const scores = this.ensemble.scores(patches === undefined ? image : extractPatches(image, patches), axes);
          const labels = labelMap(merged(mean(scores)), fields, slotPixels);
          if (!uncertainty) return { outputs: { labels } };
          const probabilities = scores.map((each) => (axes.x || axes.y ? merged(each) : softmaxChannels(merged(each))));
          return { outputs: { labels, ...entropies(probabilities, fields, slotPixels) } };
        },
      },
      { kernels: this.device.kernels, frozen: true, ...(precision && { precision }) },
    );
    // First, since it is refused where it exceeds the adapter.
    const loaded = await program.load(this.device);
    const pixels = new Uint32Array((atOnce * channels * slotPixels) / 2);
    const map = (): Float32Array<ArrayBuffer> => new Float32Array(atOnce * slotPixels);
    const results = Array.from({ length: 3 }, () => ({
      labels: new Uint8Array(atOnce * slotPixels),
      maps: {
        ...(uncertainty ? { entropy: map() } : {}),
        ...(uncertainty && this.ensemble.size > 1 ? { disagreement: map() } : {}),
      },
    }));
    return { slotPixels, field, program: loaded, pixels, results };
  }
}

/** Maps of slices by the probabilities of each model. */
function entropies(probabilities: readonly Image[], fields: Tensor<readonly [number], "u32">, slotPixels: number) {
  const entropy = entropyMap(mean(probabilities), fields, slotPixels);
  if (probabilities.length === 1) return { entropy };
  const single = mean(probabilities.map((each) => entropyMap(each, fields, slotPixels)));
  // What is below 0 is so by rounding.
  return { entropy, disagreement: relu(subtract(entropy, single)) };
}
