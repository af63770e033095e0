import { DataError } from "../data-error.js";
import type { Volume } from "../volume.js";

/** Of an image, by which its values become z-scores; both as float32 holds them. */
export interface ZScores {
  readonly mean: number;
  /** Standard deviation of all its voxels, above 0. */
  readonly deviation: number;
}

/** Of the mean; a smaller deviation is what rounding leaves of values that are all the same. */
const leastDeviation = 2 ** -20;

/**
 * Mean and standard deviation of an image whose slices come one after another, in any order that neighbors keep. Zeros
 * outside the smallest box that holds all other voxels do not count, as in nnU-Net, which crops an image to that box first.
 *
 * Values are taken as float32, as networks see them. What rounding makes of another order of slices or pixels is less than
 * float32 tells apart, but for a mean or deviation that happens to be halfway between two of its numbers.
 *
 * Sources: Isensee et al. 2021, nnU-Net, normalization of MR; Chan et al. 1979, "Updating Formulae and a Pairwise
 * Algorithm for Computing Sample Variances".
 */
export class ZScoreSums {
  private count = 0;
  private mean = 0;
  private squares = 0;
  private slices = 0;
  private readonly box = {
    x: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as Range,
    y: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as Range,
    z: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as Range,
  };

  /** @param values of the next slice, x fastest. */
  add(values: ArrayLike<number>, width: number): void {
    const { length } = values;
    let sum = 0;
    for (let i = 0; i < length; i++) sum += Math.fround(values[i] as number);
    const mean = sum / length;
    let squares = 0;
    for (let i = 0; i < length; i++) squares += (Math.fround(values[i] as number) - mean) ** 2;
    const all = this.count + length;
    const distance = mean - this.mean;
    this.squares += squares + (distance ** 2 * this.count * length) / all;
    this.mean += (distance * length) / all;
    this.count = all;
    this.widen(values, width);
    this.slices += 1;
  }

  /**
   * @param name of the image, for an error.
   * @throws DataError when its voxels are all the same.
   */
  result(name: string): ZScores {
    const { count, box } = this;
    const inside = lengthOf(box.x) * lengthOf(box.y) * lengthOf(box.z);
    const mean = inside > 0 ? (this.mean * count) / inside : 0;
    // The zeros outside are taken away as they would have been added.
    const squares = this.squares - (mean ** 2 * inside * (count - inside)) / count;
    const deviation = Math.sqrt(squares / inside);
    if (!(deviation > Math.abs(mean) * leastDeviation)) {
      throw new DataError(
        `${name}: its voxels all hold the value ${Number(mean.toPrecision(6))}, so there are no z-scores of them; leave out this image`,
      );
    }
    return { mean: Math.fround(mean), deviation: Math.fround(deviation) };
  }

  /**
   * Lets what is not 0 in another channel of the same image be inside too: nnU-Net crops all channels alike. Called when all
   * slices of both have come.
   */
  widenBy({ box }: ZScoreSums): void {
    for (const axis of ["x", "y", "z"] as const)
      if (lengthOf(box[axis]) > 0) for (const place of box[axis]) include(this.box[axis], place);
  }

  /** Lets the box hold what is not 0 of a slice. */
  private widen(values: ArrayLike<number>, width: number): void {
    const { x, y, z } = this.box;
    for (let row = 0; row * width < values.length; row++) {
      let [first, last] = [width, -1];
      for (let column = 0; column < width; column++) {
        if (values[row * width + column] === 0) continue;
        if (first === width) first = column;
        last = column;
      }
      if (last < 0) continue;
      include(x, first);
      include(x, last);
      include(y, row);
      include(z, this.slices);
    }
  }
}

/** The first and the last place; the other way around where there is none. */
type Range = [first: number, last: number];

function include(range: Range, place: number): void {
  range[0] = Math.min(range[0], place);
  range[1] = Math.max(range[1], place);
}

const lengthOf = ([first, last]: Range): number => Math.max(0, last - first + 1);

/** Lets each know of the others, as channels of one image. */
export function widenAll(channels: readonly ZScoreSums[]): void {
  for (const each of channels) for (const other of channels) if (other !== each) each.widenBy(other);
}

/** Of an image in memory those of the channels that are wanted. @throws DataError as {@link ZScoreSums.result}. */
export function channelZScores(
  image: readonly Pick<Volume, "data" | "shape">[],
  wanted: readonly boolean[],
  name: string,
): (ZScores | undefined)[] {
  if (!wanted.includes(true)) return [];
  const channels = image.map(({ data, shape: [width, height, depth] }) => {
    const sums = new ZScoreSums();
    const size = width * height;
    for (let z = 0; z < depth; z++) sums.add(data.subarray(z * size, (z + 1) * size), width);
    return sums;
  });
  widenAll(channels);
  return channels.map((sums, c) =>
    wanted[c] === true ? sums.result(image.length === 1 ? name : `channel ${c} of ${name}`) : undefined,
  );
}

/** Those of a volume in memory. @throws DataError as {@link ZScoreSums.result}. */
export function zScoresOf(volume: Pick<Volume, "data" | "shape">, name: string): ZScores {
  const [found] = channelZScores([volume], [true], name);
  if (found === undefined) throw new RangeError("zScoresOf: there is no image");
  return found;
}
