import type { Kernel, Reduction } from "@lobule/kernels-wgsl";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";
import type { FlatBuffer } from "../graph/flat-buffer.js";
import type { Node, Operand, Placed, Tensor } from "../graph/tensor.js";
import type { StorageType } from "./storage.js";

/** One kernel with everything that its launches need but the buffers. */
export interface Call {
  /** What it computes, for people: `conv3x3 → relu`. */
  readonly label: string;
  readonly kernel: Kernel;
  readonly operands: readonly {
    readonly name: string;
    readonly access: "uniform" | "read" | "read_write";
    readonly operand: Operand;
    /** How much of it is touched, where that is not all: the channels of a slice. */
    readonly share?: number;
  }[];
  /** The convolution that it computes, where it is one. */
  readonly convolution?: ConvolutionCall | undefined;
}

/** Where a tensor is in a shared buffer, in f32 elements. */
export type Placement = Omit<Placed, "tensor">;

export interface Calls {
  /** Those of every run. */
  readonly calls: readonly Call[];
  /** Those of them after which a submission ends and the next one begins. */
  readonly cuts: readonly Call[];
  /** Those that are run once, when the program is loaded. */
  readonly prologue: readonly Call[];
  /** Elements of a tensor in memory, all partial results of statistics included. */
  readonly elementsOf: (tensor: Tensor) => number;
  readonly storageType: StorageType;
  readonly placements: ReadonlyMap<Tensor, Placement>;
  readonly arenas: readonly FlatBuffer[];
  /** Those of the arenas that are needed for a while only. */
  readonly temporaryArenas: ReadonlySet<FlatBuffer>;
  /** Kernel nodes whose calls bind more storage buffers than they may. */
  readonly crowded: readonly Node[];
}

/** Kernels that were timed on an adapter. */
export interface TunedKernels {
  readonly reduction: Reduction;
  /** Bytes of workgroup memory that a kernel may use; what every adapter has where it is not told. */
  readonly workgroupMemory?: number;
  /** The fastest variant, or undefined where none was timed. */
  fastest(call: ConvolutionCall, precision: "f32" | "f16"): ConvolutionVariant | undefined;
}

/** The kernels that suit a {@link Reduction}, or were timed; plain: the readable ones. */
export type KernelChoice = Reduction | TunedKernels | "plain";

export function reductionOf(kernels: KernelChoice): Reduction {
  if (kernels === "plain") return "parallel";
  return typeof kernels === "string" ? kernels : kernels.reduction;
}

export interface PlannerOptions {
  readonly fusion: boolean;
  readonly kernels: KernelChoice;
  readonly precision: "f32" | "f16";
  readonly recompute: boolean;
  readonly frozen: boolean;
  readonly storageBuffers: number;
}

/** Storage buffers that a kernel may bind on every adapter: the default of maxStorageBuffersPerShaderStage in WebGPU. */
export const leastStorageBuffers = 8;

export const isTensor = (operand: Operand): operand is Tensor => "node" in operand;
