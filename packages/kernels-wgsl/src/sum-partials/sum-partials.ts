import { foldWorkgroups, type Kernel, type Reduction } from "../contract/kernel.js";
import sumPartialsSource from "./sum-partials.wgsl.js";
import serialSource from "./sum-partials-serial.wgsl.js";

/** A sum over partial results; offsets and strides count elements. */
export interface PartialSum {
  readonly partialOffset: number;
  /** From a partial result to the next. */
  readonly partialStride: number;
  /** From an element of a partial result to the next. */
  readonly elementStride: number;
  readonly outputOffset: number;
  /** Elements of the output. */
  readonly length: number;
  /** Partial results. */
  readonly count: number;
}

const lanes = 256;
/** Terms that one invocation may add before it shares the element with others. */
const serialTerms = 16;

/** Elements that a workgroup computes side by side: few where there are many terms, or few elements. */
function elementLanesOf({ length, count }: PartialSum, reduction: Reduction): number {
  let elementLanes = lanes;
  if (reduction !== "parallel") return elementLanes;
  while (elementLanes > 1 && (elementLanes / 2 >= length || count * elementLanes > serialTerms * lanes))
    elementLanes /= 2;
  return elementLanes;
}

/**
 * The second stage of every reduction: for each segment
 *
 * output[outputOffset + i] = Σ over k < count of partials[partialOffset + k · partialStride + i · elementStride]
 *
 * `table` (u32) says which workgroup computes what; it is bound under that name. The order of a sum depends on the
 * segment's length and count alone.
 */
export function sumPartials(
  segments: readonly PartialSum[],
  reduction: Reduction,
): Kernel & { readonly table: Uint32Array } {
  const pieces: number[] = [];
  for (const segment of segments) {
    const { partialOffset, partialStride, elementStride, outputOffset, length, count } = segment;
    const elementLanes = elementLanesOf(segment, reduction);
    for (let first = 0; first < length; first += elementLanes) {
      const from = partialOffset + first * elementStride;
      const elements = Math.min(elementLanes, length - first);
      pieces.push(from, partialStride, elementStride, outputOffset + first, elements, count, elementLanes, 0);
    }
  }
  const terms = segments.reduce((sum, { length, count }) => sum + length * count, 0);
  const outputs = segments.reduce((sum, { length }) => sum + length, 0);
  const count = pieces.length / 8;
  // A program without segments still needs a table that can be bound.
  if (count === 0) pieces.push(0, 0, 0, 0, 0, 0, lanes, 0);
  return {
    name: reduction === "parallel" ? "sum-partials" : "sum-partials-serial",
    source: reduction === "parallel" ? sumPartialsSource : serialSource,
    launches: [{ sizes: { pieces: Math.max(count, 1) }, workgroups: [...foldWorkgroups(count), 1] }],
    flops: terms,
    bytes: 4 * (terms + outputs + pieces.length),
    table: Uint32Array.from(pieces),
  };
}
