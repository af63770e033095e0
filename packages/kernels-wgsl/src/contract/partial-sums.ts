import { ceilDivide } from "./kernel.js";

/** Invocations of a workgroup that sums over pixels. */
export const sumLanes = 32;

/** Workgroups that keep a large GPU busy, and those that keep any adapter busy. */
const mostWorkgroups = 4096;
const leastWorkgroups = 256;
/** Pixels that an invocation should sum before its workgroup adds its invocations up. */
const pixelsPerInvocation = 128;
const maxPartialBytes = 8 * 2 ** 20;

/**
 * How many partial sums of a weight gradient are worth having: enough workgroups for the adapter, few enough that adding
 * up is cheap, at most 8 MiB of partial sums in all, and at least one. `blocks` counts the workgroups of one partial
 * sum, `elements` its values, `pixels` those of all images.
 */
export function wantedPartials(blocks: number, elements: number, pixels: number): number {
  const filled = (blocks * pixels) / (sumLanes * pixelsPerInvocation);
  const workgroups = Math.min(mostWorkgroups, Math.max(leastWorkgroups, filled));
  const affordable = Math.floor(maxPartialBytes / (elements * 4));
  return Math.max(1, Math.min(ceilDivide(workgroups, blocks), affordable));
}

/** Workgroups that keep a large GPU busy where each brings tiles into its memory, and pixels that make one worth starting. */
const mostTileWorkgroups = 2048;
const pixelsPerTileWorkgroup = 2048;
const maxTilePartialBytes = 4 * 2 ** 20;

/** Times as many workgroups and partial sums as a weight gradient over tiles has by default. */
export type WorkgroupFactor = 1 | 2 | 4;

/** How a weight gradient over tiles is summed. */
export interface GradWeightOptions {
  readonly factor?: WorkgroupFactor;
  /** Whether the next tile is asked for before the present one is summed: more registers, less to wait for. */
  readonly ahead?: boolean;
  /**
   * Channels of the first of two images that are the input together, as slots Input and Second; a multiple of the channels of a
   * block, so that no workgroup reads both.
   */
  readonly split?: number | undefined;
}

/** {@link wantedPartials} of the kernels over tiles in workgroup memory. */
export function wantedTilePartials(
  blocks: number,
  elements: number,
  pixels: number,
  factor: WorkgroupFactor = 1,
): number {
  const affordable = Math.floor((factor * maxTilePartialBytes) / (elements * 4));
  const workgroups = factor * Math.min(mostTileWorkgroups, (blocks * pixels) / pixelsPerTileWorkgroup);
  return Math.max(1, Math.min(ceilDivide(workgroups, blocks), affordable));
}

/** How the work of a weight gradient is shared. */
export interface WeightSharing {
  readonly source: string;
  /** Channels of a block that one partial sum covers. */
  readonly inBlock: number;
  readonly outBlock: number;
  /** Only kernels over tiles take a factor. */
  readonly wanted: typeof wantedTilePartials;
  /** Partial sums of a block that a workgroup makes. */
  readonly perGroup: number;
  /** Pixels that an invocation sums of those that are in workgroup memory at a time, see `Kernel.innerTrips`. */
  readonly innerTrips?: number;
}

/** Invocations that keep an adapter busy on which they run one after another, and pixels that one may sum. */
const serialInvocations = 512;
const serialPixels = 4096;

/** Subgroups that keep such an adapter busy. */
const subgroups = 64;

/** {@link wantedPartials} where a subgroup of 8 makes one; `blocks` counts the subgroups of one partial sum. */
export function wantedSubgroupPartials(blocks: number, elements: number, pixels: number): number {
  const affordable = Math.floor(maxPartialBytes / (elements * 4));
  const wanted = Math.max(ceilDivide(subgroups, blocks), ceilDivide(pixels, serialPixels));
  return Math.max(1, Math.min(wanted, affordable));
}

/** {@link wantedPartials} where each invocation sums for itself; `blocks` counts the invocations of one partial sum. */
export function wantedSerialPartials(blocks: number, elements: number, pixels: number): number {
  const affordable = Math.floor(maxPartialBytes / (elements * 4));
  const wanted = Math.max(ceilDivide(serialInvocations, blocks), ceilDivide(pixels, serialPixels));
  return Math.max(1, Math.min(wanted, affordable));
}

/** How the pixels of all images are spread over partial sums. */
export interface PixelSplit {
  readonly partials: number;
  /** Segments of an image. */
  readonly segments: number;
  /** Pixels of a segment; the last of an image may have fewer. */
  readonly segmentLength: number;
}

/** Cuts images into segments of 4096 pixels, or shorter ones where that gives more of the partial sums that are wanted. */
export function splitPixels(batch: number, pixels: number, wanted: number): PixelSplit {
  let segmentLength = pixelsPerInvocation * sumLanes;
  while (segmentLength > sumLanes && batch * ceilDivide(pixels, segmentLength) < wanted) segmentLength /= 2;
  const segments = ceilDivide(pixels, segmentLength);
  return { partials: Math.min(wanted, batch * segments), segments, segmentLength };
}
