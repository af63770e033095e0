import type { DType, Kernel, Reduction } from "@lobule/kernels-wgsl";
import { PlanError, type Shape } from "../shape.js";
import type { ConvolutionCall, ConvolutionVariant } from "./convolution-call.js";
import type { FlatBuffer, Packing, Segment } from "./flat-buffer.js";

// A tensor knows the node that makes it, a node its operation, and an operation how tensors become kernel calls: these
// types are one recursive definition, and so one file.

let nextId = 0;
const newId = (): number => nextId++;

/** Arrays that hold a tensor's elements on the host. */
export type HostData = Float32Array | Uint32Array | Int32Array;

/** What tensors and variables ask of the device that they live on. */
export interface TensorDevice {
  readonly queue: GPUQueue;
  createBuffer(bytes: number, label: string): GPUBuffer;
  readBuffer(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer>;
  evaluate<Name extends string>(tensors: Readonly<Record<Name, Tensor>>): Promise<Record<Name, HostData>>;
}

/**
 * A typed handle on a value that is computed when it is asked for. Its rank, and channels where they are literal, are
 * checked by the TypeScript compiler; the same rules hold at run time.
 */
export class Tensor<S extends Shape = Shape, D extends DType = DType> {
  /** In order of creation, as a node's. */
  readonly id: number = newId();
  readonly node: Node;

  /**
   * @param origin the node that makes it, or what it is where nothing does.
   * @param index which of the node's outputs it is.
   */
  constructor(
    readonly shape: S,
    readonly dtype: D,
    origin: Node | LeafOperation,
    readonly index = 0,
  ) {
    this.node = origin instanceof Node ? origin : new Node(origin, [], () => [this]);
  }

  /**
   * Computes this tensor and reads it back.
   * @throws PlanError when no tensor that it is made from lives on a device.
   */
  async data(): Promise<HostData> {
    const devices = nodesBelow([this]).map(({ operation }) =>
      "device" in operation ? operation.device?.() : undefined,
    );
    const device = devices.find((each) => each !== undefined);
    if (device === undefined) {
      throw new PlanError(
        "this tensor was made without a device: give one to constant(…, device), or use device.evaluate(…)",
      );
    }
    return (await device.evaluate({ data: this })).data;
  }
}

/** N×C×H×W activations. */
export type Image<C extends number = number> = Tensor<readonly [n: number, c: C, h: number, w: number], "f32">;
/** One number a channel. */
export type Vector<C extends number = number> = Tensor<readonly [C], "f32">;

/** One number. */
export type Scalar = Tensor<readonly [1], "f32">;

/** One or more of something. */
export type NonEmpty<T> = readonly [T, ...T[]];

export const last = <T>([first, ...rest]: NonEmpty<T>): T => rest.at(-1) ?? first;

/** An element that must be there. @throws RangeError when it is not. */
export function elementAt<T>(list: readonly T[], index: number): T {
  const element = list[index];
  if (element === undefined) throw new RangeError(`a list of ${list.length} has no element ${index}`);
  return element;
}

/** One application of an operation. */
export class Node<Outputs extends NonEmpty<Tensor> = NonEmpty<Tensor>> {
  /** In order of creation: what is made from something has a larger one. */
  readonly id: number = newId();
  readonly outputs: Outputs;

  constructor(
    readonly operation: Operation,
    readonly inputs: readonly Tensor[],
    outputs: (node: Node) => Outputs,
  ) {
    this.outputs = outputs(this);
  }
}

interface Common {
  readonly name: string;
  /** What distinguishes two operations of the same name besides their inputs' shapes, as text. */
  readonly key?: string | undefined;
  /** Maps gradients of the outputs to gradients of the inputs; `undefined` where there is none. */
  readonly gradient?:
    | ((
        gradOutputs: readonly (Tensor | undefined)[],
        inputs: readonly Tensor[],
        outputs: readonly Tensor[],
      ) => readonly (Tensor | undefined)[])
    | undefined;
}

/** A leaf: fed at every run, mutable state, or memory that a lowering asked for. */
export interface SourceOperation extends Common {
  readonly kind: "input" | "variable" | "scratch";
  /** The device on which `data()` evaluates what is made from it. */
  readonly device?: () => TensorDevice | undefined;
}

/** A leaf that is baked in. */
export interface ConstantOperation extends Common {
  readonly kind: "constant";
  readonly data: HostData;
  readonly device: () => TensorDevice | undefined;
}

/** Element by element, with broadcasting; can be inlined into a kernel's slot. */
export interface PointwiseOperation extends Common {
  readonly kind: "pointwise";
  /** WGSL expression of f32 arguments; an argument listed in `coefficients` is a vec4f of its channel. */
  readonly wgsl: (args: readonly string[]) => string;
  /** Inputs of shape [channels, 4] that hold one vec4f a channel. */
  readonly coefficients?: readonly number[];
  /** How many of the inputs the expression takes; the rest only receive gradients. All by default. */
  readonly expressionInputs?: number;
}

/** Re-addresses channels without arithmetic; can be inlined into a load slot. */
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
 * length is known when the kernel that takes them is.
 */
export interface StatisticsOperation extends Common {
  readonly kind: "statistics";
  readonly mode: "moments" | "sums";
}

/** What a kernel operation offers to the compiler besides its kernels; positions of inputs and outputs for its own. */
export interface KernelTraits<Input = number, Output = number> {
  /** Inputs that the kernels read through a load slot only, so that they need not exist in memory. */
  readonly slotInputs?: readonly Input[];
  /** Set where output 0 goes through a store slot; "statistics" where the kernel can also sum it by channel. */
  readonly store?: "store" | "statistics";
  /** Whether an element of a slot input is loaded for several elements of the result, and so computed again for each. */
  readonly rereads?: boolean;
  /** Inputs besides those that may be stored as f16: read from an `array<real>`, or not read by the kernels at all. */
  readonly halfInputs?: readonly Input[];
  /** Outputs that are written to an `array<real>`, and so may be stored as f16. */
  readonly halfOutputs?: readonly Output[];
  /** Set where the operation is a convolution of its first input with the weight that is its second. */
  readonly convolution?: ConvolutionCall;
  /** Whether it is the maximum of each 2×2 window of its first input, which the kernel that makes that one may store too. */
  readonly pools?: boolean;
  /** Whether output 0 is a sum of many elements and no image: it is then kept in f32. */
  readonly sums?: boolean;
  /** Inputs that must be written to a given offset of a shared buffer. */
  readonly placements?: readonly Placed[];
}

/** A tensor that is to be written to a given offset of a shared buffer, in f32 elements. */
export interface Placed {
  readonly tensor: Tensor;
  /** A buffer of the program, or of variables. */
  readonly arena: FlatBuffer;
  readonly offset: number;
  /** The cut, counted from 0, before which it is written; the end of a run where this is left out. */
  readonly cut?: number | undefined;
}

/** How a kernel's output 0 is computed again. */
export interface Repeatable {
  /** Of a run. */
  readonly flops: number;
  /** Output 0 as pointwise operations on inputs and other outputs, which give the same bits and need no run. */
  readonly expression?: ((inputs: readonly Tensor[], outputs: readonly Tensor[]) => Tensor) | undefined;
}

/** Runs hand-written kernels. */
export interface KernelOperation extends Common, KernelTraits {
  readonly kind: "kernel";
  /**
   * Set where a run leaves nothing but its outputs, and the same bits each time: output 0 may then be computed again
   * where it is read late, instead of being kept.
   */
  readonly repeatable?: Repeatable | undefined;
  /** Uses the tensors that it is given: those that the operation was applied to may have been exchanged for copies. */
  readonly lower: (lowering: Lowering, inputs: readonly Tensor[], outputs: readonly Tensor[]) => void;
}

export type LeafOperation = SourceOperation | ConstantOperation;

export type Operation =
  | LeafOperation
  | PointwiseOperation
  | RemapOperation
  | ViewOperation
  | StatisticsOperation
  | KernelOperation;

/** What a binding can be tied to. */
export type Operand = Tensor | FlatBuffer;

/** A kernel with what its bindings are tied to. */
export interface CallRequest {
  readonly kernel: Kernel;
  /** Input slots, by the name of their default binding. */
  readonly slots?: Readonly<Record<string, Tensor>>;
  /** Every other binding but `sizes`, `output`, `statistics` and `pooled`. */
  readonly bindings?: Readonly<Record<string, Operand>>;
  /** The tensor that goes through the store slot. */
  readonly output?: Tensor;
  /** What {@link Lowering.pooled} gave for the output, where the kernel makes that too. */
  readonly pooled?: Tensor | undefined;
  /** The convolution that it computes, where it is one: its variants can be timed. */
  readonly convolution?: ConvolutionCall;
}

/** A 1×1 convolution that is fused into a 3×3 one. */
export interface ShortcutOperands {
  readonly call: ConvolutionCall;
  readonly x: Tensor;
  readonly weight: Tensor;
}

/** What an operation can ask for while it is turned into kernel calls. Questions change nothing. */
export interface Lowering {
  /** Adds a call here. */
  call(request: CallRequest): void;
  /** Adds a call after everything else: a change of state. */
  atEnd(request: CallRequest): void;
  /** Second stage of a reduction: output[i] = Σ_k partials[partialOffset + k·partialStride + i·elementStride]. */
  sum(partials: Tensor, output: Tensor, segment: Segment): void;
  /** Memory that lives as long as it is used. */
  scratch(shape: Shape, dtype?: DType): Tensor;
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
   * for it.
   */
  pooled(output: Tensor): Tensor | undefined;
  /** The two images that an image concatenates, where that is done in its readers; undefined for any other one. */
  concatenated(image: Tensor): readonly [Tensor, Tensor] | undefined;
  /** How many partial results a statistics tensor has. */
  partialsOf(statistics: Tensor): number;
  /** Which kernel of its family a convolution is to use. */
  variant(call: ConvolutionCall): ConvolutionVariant;
  /** Which invocations sum over pixels together. */
  reduction(): Reduction;
  /** Bytes of workgroup memory that a kernel may use; what every adapter has where undefined. */
  workgroupMemory(): number | undefined;
}

/** The tensor whose memory this one shares: itself, or what a chain of reshapes began with. */
export function storageOf(tensor: Tensor): Tensor {
  let base = tensor;
  while (base.node.operation.kind === "view") base = inputOf(base.node, 0);
  return base;
}

/** The elements of a constant. */
export const constantData = ({ node: { operation } }: Tensor): HostData | undefined =>
  operation.kind === "constant" ? operation.data : undefined;

/** @throws PlanError when the node has no input there. */
export function inputOf({ operation, inputs }: Node, position: number): Tensor {
  const tensor = inputs[position];
  if (tensor === undefined) throw new PlanError(`${operation.name} has no input ${position}`);
  return tensor;
}

/** Every node that the tensors depend on, inputs first. */
export function nodesBelow(roots: readonly Tensor[]): Node[] {
  const seen = new Set<Node>();
  const stack = roots.map((root) => root.node);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const each of node.inputs) stack.push(each.node);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
