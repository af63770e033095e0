/** Storage types of a tensor. Arithmetic always accumulates in f32. */
export type DType = "f32" | "f16" | "i32" | "u32";

/** Bytes of one element. */
export const bytesPerElement: Readonly<Record<DType, number>> = { f32: 4, f16: 2, i32: 4, u32: 4 };

/** NCHW extents of an image tensor. */
export interface ImageShape {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A convolution's input, and how many channels it gives: all kernels of the families of convolutions take this. */
export interface ConvolutionProblem {
  readonly input: ImageShape;
  readonly outChannels: number;
}

/** One launch of a kernel's pipeline. A kernel with several launches covers its output in parts. */
export interface Launch {
  /** Values of the fields of the file's `struct Sizes`, by name. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Workgroups in x, y, z; each within the device's 65,535 (see {@link foldWorkgroups}). */
  readonly workgroups: readonly [number, number, number];
}

/**
 * A kernel made ready for one problem: WGSL text, launches and cost. Pure data; it knows no device.
 *
 * Bindings are read from the text by name. A *slot* is a set of WGSL functions with default bodies that a
 * compiler may replace as a whole (see `contract/slots.ts`).
 */
export interface Kernel {
  /** Name of the file that it was made from, e.g. `conv3x3-blocked`. */
  readonly name: string;
  /** Valid WGSL. */
  readonly source: string;
  readonly launches: readonly Launch[];
  /** Floating-point operations of all launches together; a multiply-add counts two. */
  readonly flops: number;
  /**
   * How often the innermost loop that computes runs within one round of the loop around it, where a file's constants say so:
   * for estimates of what it costs.
   */
  readonly innerTrips?: number;
  /** How often an invocation runs the loop that computes, where it multiplies less than `flops` counts. */
  readonly trips?: number;
  /** Bytes that must be read and written at least, each array once, with the default slots and f32 storage. */
  readonly bytes: number;
  /**
   * Present where the file has the statistics slot: how many partial results of a channel the launches write, and, where
   * the file lets them be summed by one {@link Reduction} only, which.
   */
  readonly statistics?: { readonly partials: number; readonly only?: Reduction };
}

/**
 * Which invocations sum over pixels together: the invocations of a workgroup together, as suits a GPU; each invocation for
 * itself, as suits an adapter on which they run one after another, where a barrier costs more than the sum; or the 8 of a
 * subgroup together, as suits one that runs them at once.
 */
export type Reduction = "parallel" | "serial" | "subgroup";

/** The smallest whole number that is at least a / b. */
export const ceilDivide = (a: number, b: number): number => Math.ceil(a / b);

/** Elements of an image tensor. */
export const imageSize = ({ batch, channels, height, width }: ImageShape): number => batch * channels * height * width;

const maxWorkgroupsPerDimension = 65_535;

/**
 * Folds a count of workgroups into x and y, each within WebGPU's 65,535. The kernel rebuilds the index as
 * `workgroup_id.x + workgroup_id.y * num_workgroups.x` and ignores what lies beyond its count.
 */
export function foldWorkgroups(count: number): readonly [number, number] {
  if (count <= maxWorkgroupsPerDimension) return [Math.max(count, 1), 1];
  const rows = ceilDivide(count, maxWorkgroupsPerDimension);
  return [ceilDivide(count, rows), rows];
}

/** Thrown when a kernel's file and its typed entry, or a slot and its replacement, do not fit together. */
export class KernelDeclarationError extends Error {
  override readonly name = "KernelDeclarationError";
}
