import type { Device } from "@lobule/tensor";
import { readModel } from "../model/load-model.js";
import { SlicePredictor } from "./slice-predictor.js";

/** HU to 0..1: clipped to the window and scaled. Models take slices in this form. */
export function normalizeImage(
  slice: ArrayLike<number>,
  [low, high]: readonly [low: number, high: number],
): Float32Array<ArrayBuffer> {
  return Float32Array.from(slice, (value) => (Math.min(Math.max(value, low), high) - low) / (high - low));
}

/** A trained model, to be called slice by slice. */
export interface SliceModel {
  /** Names of the classes, background first; labels are places in this list. */
  readonly classes: readonly string[];
  /** HU that become 0 and 1, for {@link normalizeImage}. */
  readonly window: readonly [low: number, high: number];
  /** Slices that are looked at to label one: itself and its neighbours. */
  readonly inputSlices: number;
  /**
   * Labels of one slice, a byte a pixel.
   * @param image 0..1, x (to the patient's right) fastest, then y (to the front); of a model that looks at neighbours
   * too, these `inputSlices` slices one after another, from the lowest.
   * @throws RangeError when the image has another number of pixels.
   */
  predict(image: ArrayLike<number>, width: number, height: number): Promise<Uint8Array>;
  /** Frees the device memory. */
  close(): Promise<void>;
}

/**
 * Loads models from run folders or checkpoints.
 *
 *     const { liver, vessel } = await loadModels(device, { liver: "runs/liver", vessel: "runs/vessel" });
 *     const labels = await liver.predict(normalizeImage(slice, liver.window), 512, 512);
 *
 * @throws ModelError when one is not there or damaged.
 */
export async function loadModels<Name extends string>(
  device: Device,
  paths: Readonly<Record<Name, string>>,
): Promise<Record<Name, SliceModel>> {
  const named = Object.entries<string>(paths).map(
    async ([name, path]) => [name, await loadModel(device, path)] as const,
  );
  return Object.fromEntries(await Promise.all(named)) as Record<Name, SliceModel>;
}

async function loadModel(device: Device, path: string): Promise<SliceModel> {
  const predictor = new SlicePredictor(device, await readModel(path), { atOnce: 1 });
  const { classes, window, inputSlices } = predictor.description;
  return {
    ...{ classes, window, inputSlices },
    predict: async (image, width, height) => {
      const size = width * height;
      if (image.length !== inputSlices * size) {
        throw new RangeError(
          `predict: the image has ${image.length} pixels, expected ${inputSlices > 1 ? `${inputSlices}×` : ""}${width}×${height}`,
        );
      }
      const all = Float32Array.from(image);
      const slices = Array.from({ length: inputSlices }, (_, i) => all.subarray(i * size, (i + 1) * size));
      const [labels] = await predictor.predict(slices, width, height, [0, 1]);
      return labels as Uint8Array;
    },
    close: () => predictor.close(),
  };
}
