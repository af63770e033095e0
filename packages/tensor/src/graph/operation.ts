import type { ConvolutionCall } from "../compiler/convolution-variants.js";
import type { Lowering } from "../compiler/lowering.js";
import type { Arena } from "./arena.js";
import type { Tensor } from "./tensor.js";

/** Maps gradients of a node's outputs to gradients of its inputs; `undefined` where there is none. */
export type Gradient = (gradOutputs: readonly (Tensor | undefined)[]) => readonly (Tensor | undefined)[];

interface Common {
  readonly name: string;
  /** What distinguishes two operations of the same name besides their inputs' shapes, as text. */
  readonly key?: string;
  readonly gradient?: Gradient;
}

/** A leaf: fed at every run, baked in, mutable state, or memory that a lowering asked for. */
export interface SourceOperation extends Common {
  readonly kind: "input" | "constant" | "variable" | "scratch";
}

/** Element by element, with broadcasting; can be pasted into a kernel's slot. */
export interface PointwiseOperation extends Common {
  readonly kind: "pointwise";
  /** WGSL expression of f32 arguments; an argument listed in `coefficients` is a vec4f of its channel. */
  readonly wgsl: (args: readonly string[]) => string;
  /** Inputs of shape [channels, 4] that hold one vec4f a channel. */
  readonly coefficients?: readonly number[];
  /** How many of the inputs the expression takes; the rest only receive gradients. All by default. */
  readonly expressionInputs?: number;
}

/** Re-addresses channels without arithmetic; can be pasted into a load slot. */
export interface RemapOperation extends Common {
  readonly kind: "concat" | "slice";
  /** First channel of the slice; channel at which the second input of the concat begins. */
  readonly channel: number;
  /** How many of the inputs are read; the rest only receive gradients. All by default. */
  readonly expressionInputs?: number;
}

/** The same memory under another shape. */
export interface ViewOperation extends Common {
  readonly kind: "view";
}

/**
 * Sums by channel of the first input: (count, Σ v, Σ (v − mean)²) for moments; (count, Σ v, Σ second) for sums, where
 * the optional second input is a pointwise expression of the first. Its output is a list of partial results whose
 * number is known when the kernel that takes them is.
 */
export interface StatisticsOperation extends Common {
  readonly kind: "statistics";
  readonly mode: "moments" | "sums";
}

/** How a kernel's output 0 is made again. */
export interface Repeatable {
  /** Of a run. */
  readonly flops: number;
  /** Output 0 as pointwise operations on inputs and other outputs, which give the same bits and need no run. */
  readonly expression?: (inputs: readonly Tensor[], outputs: readonly Tensor[]) => Tensor;
}

/** Runs hand-written kernels. */
export interface KernelOperation extends Common {
  readonly kind: "kernel";
  /** Inputs that the kernels read through a load slot only, so that they need not exist in memory. */
  readonly slotInputs?: readonly number[];
  /** Set where output 0 goes through a store slot; "statistics" where the kernel can also sum it by channel. */
  readonly store?: "store" | "statistics";
  /** Whether an element of a slot input is loaded for several elements of the result, and so computed again for each. */
  readonly rereads?: boolean;
  /** Inputs besides those that may be stored as f16: read from an `array<real>`, or not read by the kernels at all. */
  readonly halfInputs?: readonly number[];
  /** Outputs that are written to an `array<real>`, and so may be stored as f16. */
  readonly halfOutputs?: readonly number[];
  /** Set where the operation is a convolution of its first input with the weight that is its second. */
  readonly convolution?: ConvolutionCall;
  /** Whether it is the maximum of each 2×2 window of its first input, which the kernel that makes that one may store too. */
  readonly pools?: boolean;
  /** Whether output 0 is a sum of many elements and no image: it is then kept in f32. */
  readonly sums?: boolean;
  /**
   * Set where a run leaves nothing but its outputs, and the same bits each time: output 0 may then be made again where
   * it is read late, instead of being kept.
   */
  readonly repeatable?: Repeatable;
  /** Inputs that must be written to a given place of a shared buffer. */
  readonly placements?: readonly { readonly tensor: Tensor; readonly arena: Arena; readonly offset: number }[];
  /** Goes by the tensors that it is given: those that the operation was applied to may have been exchanged for copies. */
  readonly lower: (lowering: Lowering, inputs: readonly Tensor[], outputs: readonly Tensor[]) => void;
}

export type Operation =
  | SourceOperation
  | PointwiseOperation
  | RemapOperation
  | ViewOperation
  | StatisticsOperation
  | KernelOperation;

/** One application of an operation. */
export interface Node {
  readonly id: number;
  readonly operation: Operation;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}
