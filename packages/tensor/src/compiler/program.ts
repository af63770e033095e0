import { bytesPerElement, type DType } from "@lobule/kernels-wgsl";
import { input } from "../graph/apply.js";
import type { ConvolutionCall } from "../graph/convolution-call.js";
import type { FlatBuffer } from "../graph/flat-buffer.js";
import { constantData, elementAt, type Operand, type Scalar, storageOf, type Tensor } from "../graph/tensor.js";
import { Variable, VariableGroup } from "../graph/variable.js";
import type { Update } from "../ops/adam.js";
import { copy } from "../ops/pointwise.js";
import { PlanError, printShape, type Shape } from "../shape.js";
import { arrange, planCalls } from "./arrange.js";
import {
  type Call,
  type Calls,
  isTensor,
  type KernelChoice,
  leastStorageBuffers,
  type PlannerOptions,
  reductionOf,
} from "./calls.js";
import { foldBatchNorms } from "./fold-batch-norms.js";
import { hoistConstants } from "./frozen.js";
import { type MemoryPlan, planMemory } from "./memory.js";
import { type RecomputeAmount, recompute } from "./recompute.js";
import { type Submission, submissionsOf } from "./submissions.js";

/** Shape and type of an input that is fed at every run. */
export interface InputSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What is measured in each run: a scalar, or a row [1, n] such as a value for each class. */
export type Metrics = Readonly<Record<string, Scalar | Tensor<readonly [1, number], "f32">>>;

type MetricValue<M> = M extends Scalar ? number : readonly number[];

/** Values of metrics in one run: a number for a scalar, a list for a row. */
export type MetricValues<M extends Metrics> = { readonly [Name in keyof M]: MetricValue<M[Name]> };

/** A program on a device, as far as its metrics go. */
export interface Measured<out M extends Metrics> {
  /** The metrics of the runs since the last call, oldest first; of the last 256 at most. */
  metrics(): Promise<MetricValues<M>[]>;
}

/** What a program computes from its inputs. */
export interface Results<M extends Metrics = Metrics> {
  /** Tensors that can be read after a run. */
  readonly outputs?: Readonly<Record<string, Tensor>>;
  /** What is kept in a ring on the device and read every few runs. */
  readonly metrics?: M;
  /** Changes of state at the end of each run. */
  readonly updates?: readonly Update[];
}

/** The inputs of a program, and what it computes from them. */
export interface Definition<Inputs extends Readonly<Record<string, InputSpec>>, M extends Metrics = Metrics> {
  readonly inputs: Inputs;
  readonly build: (
    inputs: {
      readonly [Name in keyof Inputs]: Tensor<Required<Inputs>[Name]["shape"], Required<Inputs>[Name]["dtype"]>;
    },
  ) => Results<M>;
}

/** How a program is compiled. */
export interface CompileOptions {
  /** Whether pointwise work is fused into kernels; on by default. Off, each operation is a dispatch of its own. */
  readonly fusion?: boolean;
  /** Which kernels; "parallel" by default. A device knows which suit it: `Device.kernels`. */
  readonly kernels?: KernelChoice;
  /**
   * "f16" stores activations and their gradients in half the memory; arithmetic, parameters, their gradients, sums and
   * the loss stay f32, and so do outputs. Gradients below 6e-8 then vanish: scale the loss. Needs shader-f16. "f32" by
   * default.
   */
  readonly precision?: "f32" | "f16";
  /**
   * Whether cheap tensors are rematerialized in the backward pass instead of being kept, so that the peak live memory is
   * halved, or as small as can be had: more arithmetic, the same results. Off by default.
   */
  readonly recompute?: boolean;
  /**
   * Whether variables stay as they are while the program is loaded, as for prediction: what depends on them alone is then
   * computed once, when it is loaded, and batch norms of evaluation go into the weights of the convolutions before them.
   * The same results but for rounding; a program that changes a variable is refused. Off by default.
   */
  readonly frozen?: boolean;
  /**
   * Storage buffers that a kernel may bind: nothing is fused into one that would bind more. 8 by default, which every
   * adapter has; a device's own limit is maxStorageBuffersPerShaderStage.
   */
  readonly storageBuffers?: number;
}

/** Where an operand is in memory: which buffer, from which byte, how many bytes. */
export type Place =
  | { readonly kind: "pool"; readonly buffer: number; readonly offset: number; readonly bytes: number }
  | { readonly kind: "arena"; readonly arena: FlatBuffer; readonly offset: number; readonly bytes: number }
  | { readonly kind: "group"; readonly group: VariableGroup; readonly offset: number; readonly bytes: number }
  | { readonly kind: "own"; readonly tensor: Tensor; readonly offset: 0; readonly bytes: number };

/** A device, as far as it takes programs. */
export interface ProgramLoader<Loaded> {
  load(program: Program): Promise<Loaded>;
}

/** A step, planned down to every dispatch and buffer, but on no device yet. Making one needs no GPU. */
export class Program<out M extends Metrics = Metrics> {
  private readonly memory: MemoryPlan<Tensor | FlatBuffer>;
  /** What a run is queued in, one after the other. */
  readonly submissions: readonly Submission[];
  /** Inputs, constants and outputs: memory that is theirs for as long as the program is loaded. */
  readonly owned: readonly Tensor[];

  constructor(
    readonly inputs: Readonly<Record<string, Tensor>>,
    readonly outputs: Readonly<Record<string, Tensor>>,
    readonly metrics: readonly string[],
    private readonly planned: Calls,
  ) {
    this.submissions = submissionsOf(planned);
    const kept = new Set<Tensor>([...Object.values(inputs), ...Object.values(outputs).map(storageOf)]);
    for (const { operands } of this.prologue) {
      for (const { operand } of operands) {
        const item = this.temporaryOf(operand);
        if (item !== undefined && isTensor(item)) kept.add(item);
      }
    }
    const lifetimes = new Map<Tensor | FlatBuffer, { reads: number[]; writes: number[] }>();
    this.calls.forEach(({ operands }, at) => {
      for (const { operand, access } of operands) {
        const item = this.temporaryOf(operand);
        if (item === undefined) continue;
        if (isTensor(item) && constantData(item) !== undefined) kept.add(item);
        const life = lifetimes.get(item) ?? { reads: [], writes: [] };
        lifetimes.set(item, life);
        (access === "read_write" ? life.writes : life.reads).push(at);
      }
    });
    this.owned = [...kept].filter((tensor) => !(tensor instanceof Variable) && !planned.placements.has(tensor));
    this.memory = planMemory(
      [...lifetimes]
        .filter(([item]) => !(isTensor(item) && kept.has(item)))
        .map(([item, life]) => {
          const times = [...life.reads, ...life.writes];
          const bytes = isTensor(item) ? this.bytesOf(item) : item.length * 4;
          return { item, bytes, first: Math.min(...times), last: Math.max(...times), ...life };
        }),
    );
  }

  /** Those of every run. */
  get calls(): readonly Call[] {
    return this.planned.calls;
  }

  /** Those that are run once, when the program is loaded. */
  get prologue(): readonly Call[] {
    return this.planned.prologue;
  }

  /** The convolutions among the calls: what {@link tune} can time. */
  get convolutions(): readonly ConvolutionCall[] {
    return [...this.prologue, ...this.calls].flatMap(({ convolution }) => convolution ?? []);
  }

  get arenas(): readonly FlatBuffer[] {
    return this.planned.arenas.filter((arena) => !this.planned.temporaryArenas.has(arena));
  }

  get poolBytes(): readonly number[] {
    return this.memory.bufferBytes;
  }

  /** Launches of one run. */
  get dispatches(): number {
    return this.calls.reduce((count, call) => count + call.kernel.launches.length, 0);
  }

  /** Groups of variables that a run reads or changes. */
  get groups(): readonly VariableGroup[] {
    const groups = new Set<VariableGroup>();
    for (const { operands } of [...this.prologue, ...this.calls]) {
      for (const { operand } of operands) {
        const place = this.placeOf(operand);
        if (place.kind === "group") groups.add(place.group);
      }
    }
    return [...groups];
  }

  /** Bytes on the device: temporary tensors, flat buffers, inputs, outputs, constants and variables. */
  get peakBytes(): number {
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
    return (
      sum(this.poolBytes) +
      sum(this.arenas.map((arena) => arena.length * 4)) +
      sum(this.owned.map((tensor) => this.bytesOf(tensor))) +
      sum(this.groups.map((group) => group.length * 4))
    );
  }

  /**
   * Bytes that no plan of these calls can do without: inputs, outputs, variables, and the peak live memory of temporary
   * tensors. Not tables, weights in another order and gradients side by side, which the kernels ask for.
   */
  get minimumBytes(): number {
    const given = this.owned.filter((tensor) => constantData(tensor) === undefined);
    return (
      this.liveMinimum +
      given.reduce((total, tensor) => total + this.bytesOf(tensor), 0) +
      this.groups.reduce((total, group) => total + group.length * 4, 0)
    );
  }

  /** Peak live memory: the most bytes of temporary tensors that are live at a time. */
  get liveMinimum(): number {
    return this.memory.liveMinimum;
  }

  /** Bytes of temporary tensors. */
  get temporaryBytes(): number {
    return this.poolBytes.reduce((total, each) => total + each, 0);
  }

  private bytesOf(tensor: Tensor): number {
    return Math.ceil((this.planned.elementsOf(tensor) * bytesPerElement[this.planned.storageType(tensor)]) / 16) * 16;
  }

  placeOf(operand: Operand): Place {
    if (!isTensor(operand)) return this.inArena(operand, 0, operand.length * 4);
    const bytes = this.bytesOf(operand);
    if (operand instanceof Variable) {
      return { kind: "group", group: operand.group as VariableGroup, offset: operand.offset * 4, bytes };
    }
    const placement = this.planned.placements.get(operand);
    if (placement !== undefined) return this.inArena(placement.arena, placement.offset * 4, bytes);
    const allocation = this.memory.allocations.get(operand);
    return allocation === undefined
      ? { kind: "own", tensor: operand, offset: 0, bytes }
      : { kind: "pool", ...allocation, bytes };
  }

  private inArena(arena: FlatBuffer, offset: number, bytes: number): Place {
    if (arena instanceof VariableGroup) return { kind: "group", group: arena, offset, bytes };
    const allocation = this.memory.allocations.get(arena);
    return allocation === undefined
      ? { kind: "arena", arena, offset, bytes }
      : { kind: "pool", buffer: allocation.buffer, offset: allocation.offset + offset, bytes };
  }

  /** What needs memory for this operand while it is in use: itself, or the arena that it is in. */
  private temporaryOf(operand: Operand): Tensor | FlatBuffer | undefined {
    const { placements, temporaryArenas } = this.planned;
    if (operand instanceof Variable || operand instanceof VariableGroup) return undefined;
    const arena = isTensor(operand) ? placements.get(operand)?.arena : operand;
    if (arena === undefined) return operand;
    return temporaryArenas.has(arena) ? arena : undefined;
  }

  /** Puts the program on a device: buffers, pipelines, bind groups. @throws PlanError when it exceeds a limit. */
  load<Loaded extends Measured<Metrics>>(device: ProgramLoader<Loaded>): Promise<Measured<M> & Loaded> {
    // What was loaded has this program's metrics, which the device does not know by name.
    return device.load(this) as Promise<Measured<M> & Loaded>;
  }

  /** One line a dispatch: kernel, shapes, FLOPs and bytes; then the totals. */
  describe(): string {
    const rows = this.calls.map((call, i) => {
      const [outputs, reads] = [true, false].map((writes) =>
        call.operands
          .filter(({ access }) => (access === "read_write") === writes)
          .map(({ operand }) => this.print(operand))
          .join(" "),
      );
      const launches = call.kernel.launches.length > 1 ? ` ×${call.kernel.launches.length}` : "";
      return [
        String(i + 1).padStart(4),
        `${call.label}${launches}`.padEnd(44),
        `${(call.kernel.flops / 1e6).toFixed(2).padStart(10)} MFLOP`,
        `${(this.bytesMoved(call) / 1e6).toFixed(2).padStart(9)} MB`,
        ` ${outputs} ← ${reads}`,
      ].join(" ");
    });
    const flops = this.calls.reduce((total, call) => total + call.kernel.flops, 0);
    return [
      ...rows,
      `${this.dispatches} dispatches, ${(flops / 1e9).toFixed(3)} GFLOP, ${(this.bytesPerRun / 1e6).toFixed(1)} MB read and written`,
      ...(this.prologue.length > 0 ? [`calls once, when it is loaded: ${this.prologue.length}`] : []),
      `peak ${(this.peakBytes / 1e6).toFixed(1)} MB: ${(this.temporaryBytes / 1e6).toFixed(1)} MB temporary (at least ${(this.liveMinimum / 1e6).toFixed(1)} alive at once)`,
    ].join("\n");
  }

  /** Shape of an operand, after its type where that is not f32. */
  private print(operand: Operand): string {
    if (!isTensor(operand)) return `flat[${operand.length}]`;
    const type = this.planned.storageType(operand);
    return `${type === "f32" ? "" : type}${printShape(operand.shape)}`;
  }

  /** Bytes that a call reads and writes, each operand once; of a tensor of which slices are read, those. */
  bytesMoved(call: Call): number {
    return call.operands.reduce((total, { operand, share = 1 }) => total + this.placeOf(operand).bytes * share, 0);
  }

  get bytesPerRun(): number {
    return this.calls.reduce((total, call) => total + this.bytesMoved(call), 0);
  }
}

const usualOptions: PlannerOptions = {
  fusion: true,
  kernels: "parallel",
  precision: "f32",
  recompute: false,
  frozen: false,
  storageBuffers: leastStorageBuffers,
};

/**
 * Traces, fuses and plans a step. Needs no device.
 *
 * ```ts
 * import { compile, relu } from "@lobule/tensor";
 *
 * const program = compile({
 *   inputs: { x: { shape: [1, 3, 8, 8], dtype: "f32" } },
 *   build: ({ x }) => ({ outputs: { y: relu(x) } }),
 * });
 * console.log(program.describe());
 * ```
 *
 * @throws ShapeError, PlanError when the parts do not fit together.
 */
export function compile<const Inputs extends Readonly<Record<string, InputSpec>>, M extends Metrics>(
  definition: Definition<Inputs, M>,
  options: CompileOptions = {},
): Program<M> {
  const inputs = Object.fromEntries(
    Object.entries(definition.inputs).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]),
  );
  const results = definition.build(inputs as Parameters<typeof definition.build>[0]);
  return plan(inputs, results, { ...usualOptions, ...options });
}

/** {@link compile} for tensors that were built already. */
export function plan<M extends Metrics>(
  inputs: Readonly<Record<string, Tensor>>,
  results: Results<M>,
  options: PlannerOptions,
): Program<M> {
  const { outputs = {}, metrics, updates = [] } = results;
  const known = new Set(Object.values(inputs).map((tensor) => tensor.node));
  const taken = new Set<Tensor>();
  const kept = Object.fromEntries(
    Object.entries({ ...outputs, ...metrics }).map(([name, tensor]): [string, Tensor] => {
      const base = storageOf(tensor);
      const { kind } = base.node.operation;
      const given = kind === "input" || kind === "constant" || kind === "variable" || taken.has(base);
      const own = given ? copy(tensor) : tensor;
      taken.add(storageOf(own));
      return [name, own];
    }),
  );
  const names = Object.keys(kept);
  let roots = [...Object.values(kept), ...updates.map(({ node }) => node.outputs[0])];
  if (options.frozen) roots = foldBatchNorms(roots);
  let graph = arrange(roots, names.length, options);
  for (const node of graph.nodes) {
    if (node.operation.kind === "input" && !known.has(node)) {
      throw new PlanError(`a result depends on the input '${node.operation.name}' of another program`);
    }
  }
  const amount = recomputeAmount(options);
  if (amount !== "none") {
    roots = recompute(roots, graph, amount);
    graph = arrange(roots, names.length, options);
  }
  const planned = planCalls(roots, names.length, options);
  const calls = options.frozen ? hoistConstants(planned) : planned;
  const outputTensors = Object.fromEntries(names.map((name, i) => [name, elementAt(roots, i)]));
  return new Program(inputs, outputTensors, Object.keys(metrics ?? {}), calls);
}

/**
 * What costs nothing on a GPU is done there in any case. A CPU's caches hold what was just made, and there a step is 1.7 %
 * slower (lavapipe, 256²) when a gradient is made later than it could be.
 */
function recomputeAmount({ recompute, fusion, kernels }: PlannerOptions): RecomputeAmount | "none" {
  if (recompute) return "half";
  return fusion && reductionOf(kernels) === "parallel" ? "free" : "none";
}
