import { type Storage, storeSlice, type Window } from "@lobule/data";
import type { Device } from "@lobule/tensor";
import { channelsOf, isByImage } from "../model/intensities.js";
import { readModel } from "../model/load-model.js";
import { ModelError } from "../model/model-error.js";
import type { CodeTrust } from "../model/trusted-code.js";
import type { SliceSpacing } from "../trainer/slice-sampling.js";
import { SlicePredictor } from "./slice-predictor.js";

/**
 * HU to 0..1: clipped to the window and scaled. Models take slices in this form. HU are rounded as for training, by
 * {@link storeSlice}: not at all where they are whole numbers, else to 1/64,000 of the window.
 * @throws RangeError when a value is NaN.
 */
export function normalizeImage(slice: ArrayLike<number>, window: Window): Float32Array<ArrayBuffer> {
  const [low, high] = window;
  const stored = new Int16Array(slice.length);
  const { scale, offset } = storeSlice(slice, window, stored);
  return Float32Array.from(stored, (value) => {
    const hounsfield = value * scale + offset;
    return (Math.min(Math.max(hounsfield, low), high) - low) / (high - low);
  });
}

/** The way back: float32 rounds by less than what tells whole numbers and steps of a window apart. */
export function hounsfieldOf(image: ArrayLike<number>, [low, high]: Window): Float64Array {
  const values = Float64Array.from(image, (value) =>
    value <= 0 ? low : value >= 1 ? high : low + value * (high - low),
  );
  const tolerance = (high - low) * 2 ** -23;
  const whole = values.every(
    (value) => value <= low || value >= high || Math.abs(value - Math.round(value)) < tolerance,
  );
  return whole ? values.map((value) => (value <= low || value >= high ? value : Math.round(value))) : values;
}

/** A trained model, to be called slice by slice. */
export interface SliceModel {
  /** Names of the classes, background first; labels are places in this list. */
  readonly classes: readonly string[];
  /** HU that become 0 and 1, for {@link normalizeImage}. */
  readonly window: Window;
  /** Slices that are looked at to label one: itself and its neighbors. */
  readonly inputSlices: number;
  /**
   * Labels of one slice, a byte a pixel.
   * @param image 0..1, x (to the patient's right) fastest, then y (to the front); of a model that looks at neighbors
   * too, these `inputSlices` slices one after another, from the lowest.
   * @param spacing mm along x and y; only of models that see slices at a spacing of theirs.
   * @throws RangeError when the image has another number of pixels, or a spacing is needed and not given.
   */
  predict(image: ArrayLike<number>, width: number, height: number, spacing?: SliceSpacing): Promise<Uint8Array>;
  /** Frees the device memory. */
  close(): Promise<void>;
}

/**
 * Loads models from run folders or checkpoints.
 *
 *     const { liver, vessel } = await loadModels(storage, device, { liver: "runs/liver", vessel: "runs/vessel" });
 *     const labels = await liver.predict(normalizeImage(slice, liver.window), 512, 512);
 *
 * @param trust whether code that comes with a model may run: by default only what a training of this user on this machine
 * made, see docs/networks.md.
 * @throws ModelError when one is not there, damaged, or has code that is not trusted; when it takes images of several
 * channels; when it sees z-scores by each scan itself, or the body of each scan alone, which its slices alone do not tell.
 */
export async function loadModels<Name extends string>(
  storage: Storage,
  device: Device,
  paths: Readonly<Record<Name, string>>,
  trust: CodeTrust = {},
): Promise<Record<Name, SliceModel>> {
  const named = Object.entries<string>(paths).map(
    async ([name, path]) => [name, await loadModel(storage, device, path, trust)] as const,
  );
  return Object.fromEntries(await Promise.all(named)) as Record<Name, SliceModel>;
}

async function loadModel(storage: Storage, device: Device, path: string, trust: CodeTrust): Promise<SliceModel> {
  const saved = await readModel(storage, path, trust);
  const [channel, ...others] = channelsOf(saved.description);
  if (others.length > 0) {
    throw new ModelError(
      `${path}: the model takes images of ${others.length + 1} channels, and slices of one are labeled here; label whole scans with segmentVolume`,
    );
  }
  if (isByImage(channel)) {
    throw new ModelError(
      `${path}: the model sees z-scores by the mean and standard deviation of each scan, which its slices alone do not tell; label whole scans with segmentVolume`,
    );
  }
  if (saved.description.crop !== undefined) {
    throw new ModelError(
      `${path}: the model sees each scan cropped to its body, which slices alone do not tell; label whole scans with segmentVolume`,
    );
  }
  const predictor = new SlicePredictor(device, saved, { atOnce: 1 });
  const { classes, inputSlices } = predictor.description;
  const { window } = channel;
  return {
    classes,
    window,
    inputSlices,
    predict: async (image, width, height, spacing) => {
      const size = width * height;
      if (image.length !== inputSlices * size) {
        throw new RangeError(
          `predict: the image has ${image.length} pixels, expected ${inputSlices > 1 ? `${inputSlices}×` : ""}${width}×${height}`,
        );
      }
      const all = Float64Array.from(image);
      const slices = Array.from({ length: inputSlices }, (_, i) =>
        hounsfieldOf(all.subarray(i * size, (i + 1) * size), window),
      );
      const [labels] = await predictor.predict(slices, width, height, spacing);
      return labels as Uint8Array;
    },
    close: () => predictor.close(),
  };
}
