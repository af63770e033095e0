import type { Channels, PlaneBox, SliceCache } from "@lobule/data";
import { boxOfParts } from "@lobule/metrics";

/** HU: what is below is taken for air. Halfway between air, at −1000, and water. */
const air = -500;
/** A part of a slice belongs to the body where it has so many pixels, as a share of the largest: a leg, but not a table. */
const leastPart = 0.25;

/**
 * The box, in the plane of the slices, that holds the body in all slices of a scan: of each slice the large connected parts above
 * −500 HU or, in images that become z-scores by themselves, of what is not 0.
 *
 * Source of the latter: nnU-Net v2, `crop_to_nonzero`, here in the plane alone.
 */
export class BodyBox {
  private left: number;
  private top: number;
  private right = 0;
  private bottom = 0;

  /** @param byImage of each channel, whether it becomes z-scores by each image itself. */
  constructor(
    private readonly byImage: readonly boolean[],
    private readonly width: number,
    private readonly height: number,
  ) {
    this.left = width;
    this.top = height;
  }

  /** Takes a slice in. @param channels its values, x fastest, of each channel. */
  async add(channels: readonly ArrayLike<number>[]): Promise<void> {
    const marked = new Uint8Array(this.width * this.height);
    for (const [c, values] of channels.entries()) {
      const byImage = this.byImage[c] === true;
      for (let i = 0; i < marked.length; i++) {
        const value = values[i] ?? 0;
        if (byImage ? value !== 0 : value > air) marked[i] = 1;
      }
    }
    const box = await boxOfParts(marked, [this.width, this.height], leastPart);
    if (box === undefined) return;
    this.left = Math.min(this.left, box.x);
    this.top = Math.min(this.top, box.y);
    this.right = Math.max(this.right, box.x + box.width);
    this.bottom = Math.max(this.bottom, box.y + box.height);
  }

  /** The box of all slices so far; the whole slice where there is no body. */
  result(): PlaneBox {
    const { left, top, right, bottom, width, height } = this;
    if (right === 0) return { x: 0, y: 0, width, height };
    return { x: left, y: top, width: right - left, height: bottom - top };
  }
}

/**
 * The box, in the plane of the slices, that holds the body in all slices of a scan in canonical order: of each slice the connected
 * parts above −500 HU, or of what is not 0 in channels by image, that have a quarter of the pixels of its largest.
 * @param byImage of each channel, whether it becomes z-scores by each image itself.
 * @throws the signal's reason.
 */
export async function bodyBoxOf(scan: Channels, byImage: readonly boolean[], signal?: AbortSignal): Promise<PlaneBox> {
  const [{ shape }] = scan;
  const [width, height, depth] = shape;
  const box = new BodyBox(byImage, width, height);
  for (let slice = 0; slice < depth; slice++) {
    signal?.throwIfAborted();
    await box.add(scan.map(({ data }) => data.subarray(slice * width * height, (slice + 1) * width * height)));
  }
  return box.result();
}

/** Crops all cases of a cache to the body, whose slices are all read. @throws DataError as the cache; the signal's reason. */
export async function cropToBody(cache: SliceCache, byImage: readonly boolean[], signal?: AbortSignal): Promise<void> {
  const boxes: PlaneBox[] = [];
  for (const [number, { shape }] of cache.cases.entries()) {
    const [width, height, depth] = shape;
    const box = new BodyBox(byImage, width, height);
    for (let slice = 0; slice < depth; slice++) {
      signal?.throwIfAborted();
      const channels: ArrayLike<number>[] = [];
      for (const c of byImage.keys()) channels.push(await cache.values({ case: number, slice }, c));
      await box.add(channels);
    }
    boxes.push(box.result());
  }
  cache.cropTo(boxes);
}
