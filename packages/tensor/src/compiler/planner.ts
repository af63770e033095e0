import {
  bindingsOf,
  channelStatistics,
  channelStatisticsByQuads,
  type DType,
  enable,
  extendSizes,
  hasQuads,
  type Kernel,
  partialsPerWorkgroup,
  pointwise,
  type Reduction,
  replaceSlots,
  sumPartials,
  withStorageTypes,
} from "@lobule/kernels-wgsl";
import { constant } from "../graph/apply.js";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";
import { Arena, type FlatBuffer, type Packing, type Segment } from "../graph/flat-buffer.js";
import {
  type CallRequest,
  inputOf,
  type Lowering,
  last,
  type Node,
  type NonEmpty,
  type Operand,
  type ShortcutOperands,
  type StatisticsOperation,
  storageOf,
  Tensor,
} from "../graph/tensor.js";
import { asImage, PlanError, type Shape, sizeOf } from "../shape.js";
import { type Call, type Calls, isTensor, type Placement, type PlannerOptions, reductionOf } from "./calls.js";
import { defaultVariant } from "./convolution-variants.js";
import { type Fusion, isExpression } from "./fuse.js";
import { SlotWriter, type TakenStatistics } from "./slot-text.js";
import type { Step } from "./steps.js";
import type { StorageType } from "./storage.js";
import { WeightPacks } from "./weight-packs.js";

/** Elements of partial results that may wait to be summed by one dispatch: 4 MiB, or a sixteenth of the largest tensor. */
const partialsAtOnce = (nodes: readonly Node[]): number =>
  nodes.reduce((most, { outputs }) => Math.max(most, ...outputs.map(({ shape }) => sizeOf(shape) / 16)), 2 ** 20);

/** Turns the steps of a fused graph into kernel calls. */
export class Planner implements Lowering {
  private readonly body: Call[] = [];
  private readonly end: Call[] = [];
  private readonly placements = new Map<Tensor, Placement>();
  private readonly arenas = new Set<FlatBuffer>();
  private readonly partialCounts = new Map<Tensor, number>();
  private readonly shared = new Map<Tensor, Tensor>();
  private readonly packs = new WeightPacks({
    scratch: (shape) => this.scratch(shape),
    table: (data) => this.table(data),
    place: (tensor, arena, offset) => this.place(tensor, { arena, offset }),
    finish: (request, label) => this.finish(request, label),
    add: (call) => this.body.push(call),
    addExpression: ({ node }) => this.expressionCall(node),
  });
  private readonly partialsAtOnce: number;
  private partialsArena = new Arena("partials");
  private readonly temporaryArenas = new Set<FlatBuffer>();
  private readonly lateSums = new Map<FlatBuffer, { partials: Tensor; output: Tensor; segment: Segment }[]>();
  /** What another step's kernel has made besides: max-pooling. */
  private readonly done = new Set<Node>();
  /** What has to be written before each cut, and is not. */
  private readonly awaited: Set<Tensor>[] = [];
  private readonly cuts: Call[] = [];

  constructor(
    private readonly nodes: readonly Node[],
    private readonly steps: readonly Step[],
    private readonly fusion: Fusion,
    private readonly storageType: StorageType,
    private readonly options: Pick<PlannerOptions, "kernels" | "precision" | "storageBuffers">,
  ) {
    this.partialsAtOnce = partialsAtOnce(nodes);
  }

  plan(): Calls {
    for (const { operation } of this.nodes) {
      if (operation.kind !== "kernel") continue;
      for (const { tensor, ...placement } of operation.placements ?? []) this.place(storageOf(tensor), placement);
    }
    const crowded: Node[] = [];
    for (const { root, writes } of this.steps) {
      if (this.done.has(root)) continue;
      const first = this.body.length;
      this.lower(root);
      if (root.operation.kind === "kernel" && this.body.slice(first).some((call) => this.isCrowded(call)))
        crowded.push(root);
      this.cutAfter(writes);
    }
    this.sumTogether();
    const elementsOf = (tensor: Tensor): number => sizeOf(tensor.shape) * (this.partialCounts.get(tensor) ?? 1);
    return {
      elementsOf,
      storageType: this.storageType,
      calls: [...this.packs.calls(), ...this.body, ...this.end],
      cuts: this.cuts,
      prologue: [],
      placements: this.placements,
      arenas: [...this.arenas],
      temporaryArenas: this.temporaryArenas,
      crowded,
    };
  }

  private isCrowded({ operands }: Call): boolean {
    return operands.filter(({ access }) => access !== "uniform").length > this.options.storageBuffers;
  }

  // What operations may ask for

  call(request: CallRequest): void {
    if (request.pooled !== undefined) this.done.add(request.pooled.node);
    this.body.push(this.finish(request));
  }

  atEnd(request: CallRequest): void {
    this.end.push(this.finish(request));
  }

  scratch(shape: Shape, dtype: DType = "f32"): Tensor {
    return new Tensor(shape, dtype, { kind: "scratch", name: "scratch" });
  }

  table(data: Uint32Array | Float32Array): Tensor {
    return data instanceof Uint32Array ? constant(data, [data.length], "u32") : constant(data, [data.length]);
  }

  partialsOf(statistics: Tensor): number {
    const count = this.partialCounts.get(this.shared.get(statistics) ?? statistics);
    if (count === undefined) throw new PlanError("statistics are read before they are taken");
    return count;
  }

  variant(call: ConvolutionCall): ConvolutionVariant {
    const { kernels, precision } = this.options;
    if (kernels === "plain") return "plain";
    const timed = typeof kernels === "string" ? undefined : kernels.fastest(call, precision);
    if (timed === "matrix" && precision !== "f16") {
      throw new PlanError('matrix kernels multiply in f16: compile with precision "f16", or take another variant');
    }
    return timed ?? defaultVariant(call, this.reduction());
  }

  reduction(): Reduction {
    return reductionOf(this.options.kernels);
  }

  workgroupMemory(): number | undefined {
    const { kernels } = this.options;
    return typeof kernels === "string" ? undefined : kernels.workgroupMemory;
  }

  packed(sources: readonly Tensor[], name: string, packing: () => Packing): Tensor {
    return this.packs.packed(sources, name, packing);
  }

  shortcut(output: Tensor): ShortcutOperands | undefined {
    const node = this.fusion.shortcuts.get(output.node);
    if (node?.operation.kind !== "kernel" || node.operation.convolution === undefined) return undefined;
    return { call: node.operation.convolution, x: inputOf(node, 0), weight: inputOf(node, 1) };
  }

  pooled(output: Tensor): Tensor | undefined {
    return this.fusion.pools.get(output.node)?.outputs[0];
  }

  concatenated(image: Tensor): readonly [Tensor, Tensor] | undefined {
    const inlined = image.node.operation.kind === "concat" && this.fusion.inlined.has(image);
    return inlined ? [inputOf(image.node, 0), inputOf(image.node, 1)] : undefined;
  }

  sum(partials: Tensor, output: Tensor, segment: Segment): void {
    const from = this.shared.get(partials) ?? partials;
    const placement = this.placements.get(storageOf(output));
    const late = placement && (this.placements.get(from)?.arena ?? this.partialsArena) === this.partialsArena;
    if (placement !== undefined && late) {
      if (!this.placements.has(from)) {
        const size =
          from.node.operation.kind === "statistics" ? this.partialsOf(from) * sizeOf(from.shape) : sizeOf(from.shape);
        this.place(from, { arena: this.partialsArena, offset: this.partialsArena.reserve(size) });
      }
      const list = this.lateSums.get(placement.arena) ?? [];
      list.push({ partials: from, output, segment });
      this.lateSums.set(placement.arena, list);
      if (this.partialsArena.length >= this.partialsAtOnce) this.sumTogether();
      return;
    }
    const kernel = sumPartials([{ ...segment, outputOffset: 0 }], this.reduction());
    this.body.push(
      this.finish(
        { kernel, bindings: { partials: from, table: this.table(kernel.table), output } },
        `sum of ${segment.count} partials`,
      ),
    );
  }

  /** Sums what waits for it; the memory of those partial results is free then. */
  private sumTogether(): void {
    for (const [arena, list] of this.lateSums) this.body.push(this.lateSum(arena, list));
    if (this.lateSums.size > 0) this.temporaryArenas.add(this.partialsArena);
    this.lateSums.clear();
    this.partialsArena = new Arena("partials");
  }

  // Calls

  private lower(node: Node): void {
    const { operation } = node;
    if (operation.kind === "kernel") {
      const inputs = node.inputs.map((each) => this.shared.get(each) ?? each);
      operation.lower(this, inputs, node.outputs);
    } else if (operation.kind === "statistics") this.statisticsCall(node, operation);
    else if (isExpression(node)) this.expressionCall(node);
  }

  /** @param own a tensor that is computed although it is stored: the kernel's own result. */
  private slotWriter(own?: Tensor): SlotWriter {
    return new SlotWriter(
      (tensor) => tensor === own || this.fusion.inlined.has(tensor),
      this.storageType,
      this.reduction(),
    );
  }

  private expressionCall({ operation, outputs: [output] }: Node): void {
    const kernel = pointwise(asImage(output.shape));
    const writer = this.slotWriter(output);
    writer.input(kernel.source, "input", output);
    this.body.push(this.assemble(kernel, writer, { kernel, output }, operation.name, [output]));
  }

  private statisticsCall(node: Node, { name, mode }: StatisticsOperation): void {
    const x = inputOf(node, 0);
    const image = asImage(x.shape);
    const byQuads = this.reduction() === "parallel" && hasQuads(image);
    const kernel = byQuads ? channelStatisticsByQuads(image) : channelStatistics(image);
    const writer = this.slotWriter();
    writer.input(kernel.source, "input", x);
    const [partials] = node.outputs;
    this.setPartials(partials, kernel);
    writer.output(kernel.source, [x], { mode, second: node.inputs[1] }, false);
    this.body.push(this.bind(kernel, writer, { statistics: partials }, name));
  }

  /** Partial results of a channel that a kernel writes for statistics. */
  private setPartials(statistics: Tensor, kernel: Kernel): void {
    this.partialCounts.set(statistics, (kernel.statistics?.partials ?? 0) * partialsPerWorkgroup(this.reduction()));
  }

  private finish(request: CallRequest, label = request.kernel.name): Call {
    const { kernel, slots = {}, output } = request;
    const writer = this.slotWriter();
    for (const [name, tensor] of Object.entries(slots)) writer.input(kernel.source, name, tensor);
    const chain = output && this.fusion.epilogues.get(output.node);
    return this.assemble(kernel, writer, request, label, output && (chain?.[0] === output ? chain : [output]));
  }

  /** @param chain what the epilogue makes of the kernel's output; undefined where nothing goes through a store slot. */
  private assemble(
    kernel: Kernel,
    writer: SlotWriter,
    { output, pooled, bindings, convolution }: CallRequest,
    label: string,
    chain: NonEmpty<Tensor> | undefined,
  ): Call {
    const bound: Record<string, Operand> = { ...bindings, ...(pooled && { pooled }) };
    if (chain === undefined) return { ...this.bind(kernel, writer, bound, label), convolution };
    const stored = last(chain);
    const statistics = this.fusion.statistics.get(stored);
    const shortcut = output && this.fusion.shortcuts.get(output.node)?.outputs[0];
    writer.output(kernel.source, chain, statistics && takenStatistics(statistics), true, shortcut);
    if (statistics !== undefined) bound.statistics = this.fusedStatistics(kernel, statistics);
    bound.output = stored;
    const suffix = stored === output ? "" : ` → ${stored.node.operation.name}`;
    return { ...this.bind(kernel, writer, bound, label + suffix), convolution };
  }

  /** The partial results that a kernel writes for statistics which are fused into its epilogue. */
  private fusedStatistics(kernel: Kernel, [first, ...others]: NonEmpty<Node>): Tensor {
    const only = kernel.statistics?.only;
    if (only !== undefined && only !== this.reduction()) {
      throw new PlanError(`${kernel.name} sums for the ${only} reduction only; compile with that, or another variant`);
    }
    const [partials] = first.outputs;
    this.setPartials(partials, kernel);
    for (const { outputs } of others) this.shared.set(outputs[0], partials);
    return partials;
  }

  /** A call of the kernel with the writer's slots in its text. */
  private bind(kernel: Kernel, writer: SlotWriter, bindings: Readonly<Record<string, Operand>>, label: string): Call {
    const { sizes } = writer;
    const text = replaceSlots(extendSizes(kernel.source, Object.keys(sizes)), writer.finish());
    const launches = kernel.launches.map((launch) => ({ ...launch, sizes: { ...launch.sizes, ...sizes } }));
    const half = new Set<string>();
    const operands = bindingsOf(text)
      .filter(({ name }) => name !== "sizes")
      .map(({ name, access, type }) => {
        const operand = writer.leaves.get(name) ?? bindings[name];
        if (operand === undefined) throw new PlanError(`${kernel.name}: nothing is tied to its binding '${name}'`);
        if (!isTensor(operand)) return { name, access, operand };
        const tensor = storageOf(this.shared.get(operand) ?? operand);
        if (this.storageType(tensor) === "f16") {
          if (type === "array<f32>")
            throw new PlanError(`${kernel.name}: its '${name}' is f32, a tensor in f16 is given`);
          half.add(name);
        }
        const channels = writer.leaves.has(name) ? writer.channelsRead.get(tensor) : undefined;
        return { name, access, operand: tensor, ...(channels && { share: channels / asImage(tensor.shape).channels }) };
      });
    const stored = withStorageTypes(text, half);
    const source = writer.usesF16 ? enable(stored, "f16") : stored;
    for (const { operand } of operands) if (operand instanceof Arena) this.arenas.add(operand);
    return { label, kernel: { ...kernel, source, launches }, operands };
  }

  private place(tensor: Tensor, placement: Placement): void {
    const { arena, cut } = placement;
    this.placements.set(tensor, placement);
    if (arena instanceof Arena) this.arenas.add(arena);
    if (cut === undefined) return;
    while (this.awaited.length <= cut) this.awaited.push(new Set());
    this.awaited[cut]?.add(tensor);
  }

  /** Cuts here where what was written now was the last that a cut waited for: what waits to be summed is summed before it. */
  private cutAfter(written: readonly Tensor[]): void {
    for (const waiting of this.awaited) for (const tensor of written) waiting.delete(tensor);
    while (this.awaited[this.cuts.length]?.size === 0) {
      this.sumTogether();
      const end = this.body.at(-1);
      if (end === undefined) throw new PlanError("there is nothing before a cut");
      this.cuts.push(end);
    }
  }

  private lateSum(arena: FlatBuffer, list: readonly { partials: Tensor; output: Tensor; segment: Segment }[]): Call {
    const kernel = sumPartials(
      list.map(({ partials, output, segment }) => ({
        ...segment,
        partialOffset: segment.partialOffset + (this.placements.get(partials)?.offset ?? 0),
        outputOffset: this.placements.get(storageOf(output))?.offset ?? 0,
      })),
      this.reduction(),
    );
    return this.finish(
      { kernel, bindings: { partials: this.partialsArena, table: this.table(kernel.table), output: arena } },
      "sums of weight gradients",
    );
  }
}

/** What a kernel sums of what it stores: the first of its statistics serves the others too. */
const takenStatistics = ([{ operation, inputs }]: NonEmpty<Node>): TakenStatistics | undefined =>
  operation.kind === "statistics" ? { mode: operation.mode, second: inputs[1] } : undefined;
