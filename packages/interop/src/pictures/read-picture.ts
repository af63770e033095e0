import { DataError, readBytes, type Storage, visibleText } from "@lobule/data";
import { convertIndexedToRgb, decode as decodePng } from "fast-png";
import { decode as decodeJpeg } from "jpeg-js";
import { decode as decodeTiff } from "tiff";

/** A gray picture, row by row from the top left. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8Array | Uint16Array | Float32Array;
  /** Whether colors were turned to gray. */
  readonly hadColors: boolean;
}

/** Samples of each pixel one after another. */
interface Samples {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint16Array | Float32Array;
  readonly channels: number;
}

/** Most pixels of a picture: a side of 16,384, as networks may have. */
const mostPixels = 16_384 ** 2;

/** What the end of a picture's name is. */
export const pictureName = /\.(png|jpe?g|tiff?)$/i;
/** Of pictures whose values are kept exactly, as a mask needs. */
export const exactName = /\.(png|tiff?)$/i;

/**
 * Reads a PNG, JPEG or TIFF of 8 or 16 bits, or of float32, as gray: colors by 0.299·R + 0.587·G + 0.114·B (ITU-R BT.601).
 * @throws DataError naming the file when it is missing, damaged or of another form.
 */
export async function readPicture(storage: Storage, path: string): Promise<Picture> {
  const bytes = await readBytes(storage, path, "record");
  return grayOf(path, samplesOf(path, bytes));
}

function samplesOf(path: string, bytes: Uint8Array): Samples {
  try {
    if (/\.png$/i.test(path)) return fromPng(bytes);
    if (/\.jpe?g$/i.test(path)) {
      const { width, height, data } = decodeJpeg(bytes, { useTArray: true, formatAsRGBA: false });
      return { width, height, data, channels: 3 };
    }
    return fromTiff(bytes);
  } catch (error) {
    const what = visibleText(error instanceof Error ? error.message : String(error)).slice(0, 200);
    throw new DataError(`${path} cannot be read as a picture (${what}); save it as PNG`);
  }
}

function fromPng(bytes: Uint8Array): Samples {
  const image = decodePng(bytes);
  const { width, height, data, channels, depth, palette } = image;
  if (palette !== undefined) {
    const colors = convertIndexedToRgb(image);
    return { width, height, data: Uint8Array.from(colors), channels: colors.length / (width * height) };
  }
  if (data instanceof Uint16Array) return { width, height, data, channels };
  return { width, height, data: depth < 8 ? unpacked(data, width, height, depth) : Uint8Array.from(data), channels };
}

/** Pixels of fewer than 8 bits, of which each row begins with a byte of its own. */
function unpacked(data: ArrayLike<number>, width: number, height: number, depth: number): Uint8Array {
  const rowBytes = Math.ceil((width * depth) / 8);
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [row, bit] = [Math.floor(i / width), (i % width) * depth];
    const byte = data[row * rowBytes + (bit >> 3)] ?? 0;
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  });
}

function fromTiff(bytes: Uint8Array): Samples {
  const [page] = decodeTiff(bytes);
  if (page === undefined) throw new Error("no page");
  const { width, height, data, samplesPerPixel: channels } = page;
  if (data instanceof Float64Array) throw new Error("64 bits a sample");
  return { width, height, data, channels };
}

function grayOf(path: string, { width, height, data, channels }: Samples): Picture {
  const size = width * height;
  if (!(size > 0) || size > mostPixels || data.length < size * channels) {
    throw new DataError(
      `${path} is a picture of ${width}×${height} pixels with ${data.length} samples; it is damaged or too large`,
    );
  }
  // One or two channels are gray, without and with opacity.
  if (channels === 1) return { width, height, values: data.subarray(0, size), hadColors: false };
  const values =
    data instanceof Uint8Array
      ? new Uint8Array(size)
      : data instanceof Uint16Array
        ? new Uint16Array(size)
        : new Float32Array(size);
  let hadColors = false;
  for (let i = 0; i < size; i++) {
    const [red, green, blue] = [0, 1, 2].map((c) => data[i * channels + (channels > 2 ? c : 0)] as number) as [
      number,
      number,
      number,
    ];
    const isGray = red === green && green === blue;
    hadColors ||= !isGray;
    const gray = isGray ? red : 0.299 * red + 0.587 * green + 0.114 * blue;
    values[i] = data instanceof Float32Array ? gray : Math.round(gray);
  }
  return { width, height, values, hadColors };
}
