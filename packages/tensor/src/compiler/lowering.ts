import type { DType, Kernel, Reduction } from "@lobule/kernels-wgsl";
import type { Arena } from "../graph/arena.js";
import type { Tensor } from "../graph/tensor.js";
import type { VariableGroup } from "../graph/variable.js";
import type { Shape } from "../shape.js";
import type { ConvolutionCall, ConvolutionVariant } from "./convolution-variants.js";

/** What a binding can be tied to. */
export type Operand = Tensor | VariableGroup | Arena;

/** A kernel with what its bindings are tied to. */
export interface CallRequest {
  readonly kernel: Kernel;
  /** Input slots, by the name of their default binding. */
  readonly slots?: Readonly<Record<string, Tensor>>;
  /** Every other binding but `sizes`, `output` and `statistics`. */
  readonly bindings: Readonly<Record<string, Operand>>;
  /** The tensor that goes through the store slot. */
  readonly output?: Tensor;
}

/** Where a reduction's partial results lie; all in f32 elements. */
export interface Segment {
  readonly partialOffset: number;
  readonly partialStride: number;
  readonly elementStride: number;
  readonly length: number;
  readonly count: number;
}

/** Where each element of a repacked weight comes from. 0xffffffff in `index` stands for zero. */
export interface Packing {
  readonly length: number;
  /** Which source, by element; all from the first where it is missing. */
  readonly source?: Uint8Array;
  readonly index: Uint32Array;
}

/** A 1×1 convolution that rides in a 3×3 one. */
export interface ShortcutOperands {
  readonly call: ConvolutionCall;
  readonly x: Tensor;
  readonly weight: Tensor;
}

/** What an operation can ask for while it is turned into kernel calls. */
export interface Lowering {
  /** Adds a call at this place. */
  call(request: CallRequest): void;
  /** Adds a call after everything else: a change of state. */
  atEnd(request: CallRequest): void;
  /** Memory that lives as long as it is used. */
  scratch(shape: Shape, dtype?: DType): Tensor;
  /** A table that is uploaded once. */
  table(data: Uint32Array | Float32Array): Tensor;
  /**
   * Weights in another order. Those of variables are repacked by one dispatch for all, at the start of each run.
   * `name` identifies the layout.
   */
  packed(sources: readonly Tensor[], name: string, packing: () => Packing): Tensor;
  /**
   * The 1×1 convolution that the kernel which makes `output`, a 3×3 one, is to add: its images, its weight, and what it
   * is. Undefined where there is none.
   */
  shortcut(output: Tensor): ShortcutOperands | undefined;
  /**
   * What the kernel that stores `output` may store besides: the maximum of each 2×2 window. Undefined where nothing asks
   * for it; asked once, the kernel must make it.
   */
  pooled(output: Tensor): Tensor | undefined;
  /** Second stage of a reduction: output[i] = Σ_k partials[partialOffset + k·partialStride + i·elementStride]. */
  sum(partials: Tensor, output: Tensor, segment: Segment): void;
  /** How many partial results a statistics tensor has. */
  partialsOf(statistics: Tensor): number;
  /** Which kernel of its room a convolution is to use. */
  variant(call: ConvolutionCall): ConvolutionVariant;
  /** Who adds up over pixels. */
  reduction(): Reduction;
}
