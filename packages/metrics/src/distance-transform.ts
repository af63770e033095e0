import { Pauses, type Vector3 } from "@lobule/data";

/** Lines that are transformed together, so that memory is read a cache line at a time. */
const linesAtOnce = 16;

/**
 * Squared Euclidean distance in mm² from the center of every voxel to the center of the nearest site, which is a voxel
 * that is not 0. Exact but for rounding to f32 in each of three passes, one an axis; Infinity everywhere where there is
 * no site. Takes 4 bytes a voxel and time linear in the voxels, with pauses.
 *
 * `sites`: x fastest, shape[0]·shape[1]·shape[2] voxels; `spacing`: mm.
 *
 * Source: Felzenszwalb and Huttenlocher 2012, "Distance Transforms of Sampled Functions".
 */
export async function squaredDistances(
  sites: Uint8Array,
  shape: Vector3,
  spacing: Vector3,
  pauses = new Pauses(),
): Promise<Float32Array> {
  const [nx, ny, nz] = shape;
  const squared = new Float32Array(sites.length);
  for (let row = 0; row < squared.length; row += nx) {
    alongRow(sites, squared, row, nx, spacing[0]);
    if (pauses.due) await pauses.take();
  }
  const alongY = new LowerEnvelope(ny, spacing[1]);
  for (let z = 0; z < nz; z++) {
    alongY.transform(squared, z * nx * ny, nx, nx);
    if (pauses.due) await pauses.take();
  }
  const alongZ = new LowerEnvelope(nz, spacing[2]);
  for (let y = 0; y < ny; y++) {
    alongZ.transform(squared, y * nx, nx, nx * ny);
    if (pauses.due) await pauses.take();
  }
  return squared;
}

/** Squared distances to the sites of the same row: one sweep to the right, one back. */
function alongRow(sites: Uint8Array, squared: Float32Array, row: number, length: number, spacing: number): void {
  let distance = Number.POSITIVE_INFINITY;
  for (let i = row; i < row + length; i++) {
    distance = sites[i] === 0 ? distance + 1 : 0;
    squared[i] = (distance * spacing) ** 2;
  }
  distance = Number.POSITIVE_INFINITY;
  for (let i = row + length - 1; i >= row; i--) {
    distance = sites[i] === 0 ? distance + 1 : 0;
    squared[i] = Math.min(squared[i] as number, (distance * spacing) ** 2);
  }
}

/**
 * The lower envelope of parabolas: turns the values f of a line into min over q of f(q) + (spacing·(p − q))², for every
 * place p. Values that are Infinity have no parabola.
 */
class LowerEnvelope {
  readonly #values: Float64Array;
  /** Of the parabolas in the envelope, from left to right: place, value at the place, and where each begins. */
  readonly #places: Int32Array;
  readonly #minima: Float64Array;
  readonly #begins: Float64Array;

  constructor(
    readonly length: number,
    readonly spacing: number,
  ) {
    this.#values = new Float64Array(linesAtOnce * length);
    this.#places = new Int32Array(length);
    this.#minima = new Float64Array(length);
    this.#begins = new Float64Array(length);
  }

  /** Transforms lines that lie side by side in `data`: line i begins at `start` + i and has a value every `stride`. */
  transform(data: Float32Array, start: number, lines: number, stride: number): void {
    const { length } = this;
    const values = this.#values;
    for (let first = 0; first < lines; first += linesAtOnce) {
      const count = Math.min(linesAtOnce, lines - first);
      for (let p = 0, from = start + first; p < length; p++, from += stride)
        for (let line = 0; line < count; line++) values[line * length + p] = data[from + line] as number;
      for (let line = 0; line < count; line++) this.#transformLine(line * length);
      for (let p = 0, to = start + first; p < length; p++, to += stride)
        for (let line = 0; line < count; line++) data[to + line] = values[line * length + p] as number;
    }
  }

  #transformLine(start: number): void {
    const { length } = this;
    const [values, places, minima, begins] = [this.#values, this.#places, this.#minima, this.#begins];
    const weight = this.spacing ** 2;
    let last = -1;
    for (let q = 0; q < length; q++) {
      const value = values[start + q] as number;
      if (value === Number.POSITIVE_INFINITY) continue;
      let begin = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const place = places[last] as number;
        // Where the parabola at q falls below the last one; if that is left of where the last begins, it is hidden.
        begin = (q + place + (value - (minima[last] as number)) / (weight * (q - place))) / 2;
        if (begin > (begins[last] as number)) break;
        last--;
      }
      last++;
      places[last] = q;
      minima[last] = value;
      begins[last] = last === 0 ? Number.NEGATIVE_INFINITY : begin;
    }
    if (last < 0) return;
    for (let p = 0, k = 0; p < length; p++) {
      while (k < last && (begins[k + 1] as number) < p) k++;
      values[start + p] = (p - (places[k] as number)) ** 2 * weight + (minima[k] as number);
    }
  }
}
