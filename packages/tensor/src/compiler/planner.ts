import {
  bindingsOf,
  channelStatistics,
  type DType,
  enable,
  type Kernel,
  partialsPerWorkgroup,
  pasteSlots,
  pointwise,
  type Reduction,
  sumPartials,
  withStorageTypes,
} from "@lobule/kernels-wgsl";
import { constant } from "../graph/apply.js";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";
import { Arena, type FlatBuffer, type Packing, type Segment } from "../graph/flat-buffer.js";
import {
  type CallRequest,
  type KernelOperation,
  type Lowering,
  type Node,
  type Operand,
  type ShortcutOperands,
  storageOf,
  Tensor,
} from "../graph/tensor.js";
import { asImage, PlanError, type Shape, sizeOf } from "../shape.js";
import { type Call, type Calls, isTensor, type Placement, type PlannerOptions, reductionOf } from "./calls.js";
import { defaultVariant } from "./convolution-variants.js";
import { type Fusion, isExpression } from "./fuse.js";
import { extendSizes, SlotWriter } from "./slot-text.js";
import type { StorageType } from "./storage.js";
import { WeightPacks } from "./weight-packs.js";

/** Elements of partial results that may wait to be summed by one dispatch: 4 MiB, or a sixteenth of the largest tensor. */
const partialsAtOnce = (nodes: readonly Node[]): number =>
  nodes.reduce((most, { outputs }) => Math.max(most, ...outputs.map(({ shape }) => sizeOf(shape) / 16)), 2 ** 20);

/** Turns fused graph nodes into kernel calls, in an order in which everything is made before it is read. */
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
    place: (tensor, arena, offset) => this.place(tensor, arena, offset),
    finish: (request, label) => this.finish(request, label),
    add: (call) => this.body.push(call),
    addExpression: ({ node }, output) => this.expressionCall(node, output),
  });
  private readonly partialsAtOnce: number;
  private partialsArena = new Arena("partials");
  private readonly temporaryArenas = new Set<FlatBuffer>();
  private readonly lateSums = new Map<FlatBuffer, { partials: Tensor; output: Tensor; segment: Segment }[]>();
  private readonly producers = new Map<Tensor, Node>();
  private readonly done = new Set<Node>();
  /** The 1×1 convolutions that ride in a 3×3 one. */
  private readonly shortcutNodes: ReadonlySet<Node>;

  constructor(
    private readonly nodes: readonly Node[],
    private readonly fusion: Fusion,
    private readonly storageType: StorageType,
    private readonly options: Pick<PlannerOptions, "kernels" | "precision">,
  ) {
    this.shortcutNodes = new Set(fusion.shortcuts.values());
    this.partialsAtOnce = partialsAtOnce(nodes);
  }

  plan(): Calls {
    for (const node of this.nodes) {
      for (const output of node.outputs) this.producers.set(output, node);
      if (node.operation.kind !== "kernel") continue;
      for (const { tensor, arena, offset } of node.operation.placements ?? [])
        this.place(storageOf(tensor), arena, offset);
    }
    for (const [node, chain] of this.fusion.stored) {
      for (const tensor of chain) this.producers.set(tensor, node);
    }
    // In order of creation, so that a layer's gradients are formed together and its activations are let go early.
    for (const node of this.nodes) {
      const output = node.outputs[0] as Tensor;
      const chain = this.fusion.stored.get(this.producers.get(output) as Node);
      if (this.shortcutNodes.has(node)) continue;
      const waits = chain?.includes(output) && chain.at(-1) !== output;
      if (!waits && !this.fusion.virtual.has(output)) this.visit(output);
    }
    this.sumTogether();
    const elementsOf = (tensor: Tensor): number => sizeOf(tensor.shape) * (this.partialCounts.get(tensor) ?? 1);
    return {
      elementsOf,
      storageType: this.storageType,
      calls: [...this.packs.calls(), ...this.body, ...this.end],
      prologue: [],
      placements: this.placements,
      arenas: [...this.arenas],
      temporaryArenas: this.temporaryArenas,
    };
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

  packed(sources: readonly Tensor[], name: string, packing: () => Packing): Tensor {
    return this.packs.packed(sources, name, packing);
  }

  shortcut(output: Tensor): ShortcutOperands | undefined {
    const node = this.fusion.shortcuts.get(output.node);
    if (node?.operation.kind !== "kernel" || node.operation.convolution === undefined) return undefined;
    const [x, weight] = node.inputs as readonly [Tensor, Tensor];
    return { call: node.operation.convolution, x, weight };
  }

  pooled(output: Tensor): Tensor | undefined {
    return this.fusion.pools.get(output.node)?.outputs[0];
  }

  sum(partials: Tensor, output: Tensor, segment: Segment): void {
    const from = this.shared.get(partials) ?? partials;
    const placement = this.placements.get(storageOf(output));
    const late = placement && (this.placements.get(from)?.arena ?? this.partialsArena) === this.partialsArena;
    if (placement !== undefined && late) {
      if (!this.placements.has(from)) {
        const size =
          from.node.operation.kind === "statistics" ? this.partialsOf(from) * sizeOf(from.shape) : sizeOf(from.shape);
        this.place(from, this.partialsArena, this.partialsArena.reserve(size));
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

  // Order

  private visit(tensor: Tensor): void {
    const base = storageOf(tensor);
    const node = this.producers.get(base);
    if (node === undefined || this.done.has(node)) return;
    if (this.fusion.virtual.has(base)) {
      for (const each of node.inputs) this.visit(each);
      return;
    }
    const { kind } = node.operation;
    if (kind === "input" || kind === "constant" || kind === "variable" || kind === "scratch") return;
    if (node.operation.kind === "statistics" && this.ridesWith(node) !== undefined) {
      this.visit(node.inputs[0] as Tensor);
      return;
    }
    // What pools the input may have been made with it.
    if (node.operation.kind === "kernel" && node.operation.pools === true) {
      for (const each of node.inputs) this.visit(each);
      if (this.done.has(node)) return;
    }
    this.done.add(node);
    for (const each of node.inputs) this.visit(each);
    // Its kernel is that of the 3×3 convolution which adds it.
    if (this.shortcutNodes.has(node)) return;
    for (const each of this.fusion.shortcuts.get(node)?.inputs ?? []) this.visit(each);
    // What is pasted into the store slot reads must be there first.
    const chain = this.fusion.stored.get(node) ?? node.outputs;
    for (const step of chain.slice(1)) {
      for (const each of step.node.inputs) if (!chain.includes(each)) this.visit(each);
    }
    const root = chain.at(-1) as Tensor;
    const [riding] = this.fusion.riding.get(root) ?? [];
    for (const each of riding?.inputs.slice(1) ?? []) this.visitLeaves(each, root);
    this.lower(node);
  }

  private visitLeaves(tensor: Tensor, except: Tensor): void {
    if (tensor === except) return;
    if (this.fusion.virtual.has(tensor)) for (const each of tensor.node.inputs) this.visitLeaves(each, except);
    else this.visit(tensor);
  }

  private ridesWith(node: Node): Tensor | undefined {
    const x = node.inputs[0] as Tensor;
    return this.fusion.riding.get(x)?.includes(node) ? x : undefined;
  }

  // Calls

  private lower(node: Node): void {
    const { operation } = node;
    if (operation.kind === "kernel")
      (operation as KernelOperation).lower(
        this,
        node.inputs.map((each) => this.shared.get(each) ?? each),
        node.outputs,
      );
    else if (isExpression(node)) {
      const output = node.outputs[0] as Tensor;
      this.expressionCall(node, output);
    } else if (operation.kind === "statistics") {
      const [x] = node.inputs as readonly [Tensor];
      const kernel = channelStatistics(asImage(x.shape));
      this.body.push(this.finishStatistics(kernel, node, x));
    }
  }

  /** @param own a tensor that is computed although it is stored: the kernel's own result. */
  private slotWriter(own?: Tensor): SlotWriter {
    return new SlotWriter(
      (tensor) => tensor === own || this.fusion.virtual.has(tensor),
      this.storageType,
      this.reduction(),
    );
  }

  private expressionCall(node: Node, output: Tensor): void {
    const kernel = pointwise(asImage(output.shape));
    const writer = this.slotWriter(output);
    writer.input("input", output);
    this.body.push(this.assemble(kernel, writer, { kernel, bindings: {}, output }, node.operation.name, [output]));
  }

  private finishStatistics(kernel: Kernel, node: Node, x: Tensor): Call {
    const writer = this.slotWriter();
    writer.input("input", x);
    const mode = node.operation.kind === "statistics" ? node.operation.mode : "sums";
    const partials = node.outputs[0] as Tensor;
    this.partialCounts.set(partials, (kernel.statistics?.partials ?? 0) * partialsPerWorkgroup(this.reduction()));
    writer.output([x], { mode, second: node.inputs[1] }, false);
    return this.paste(kernel, writer, { statistics: partials }, node.operation.name);
  }

  private finish(request: CallRequest, label = request.kernel.name): Call {
    const writer = this.slotWriter();
    for (const [name, tensor] of Object.entries(request.slots ?? {})) writer.input(name, tensor);
    const { output } = request;
    const chain = output && this.fusion.stored.get(output.node);
    return this.assemble(
      request.kernel,
      writer,
      request,
      label,
      output && chain?.[0] === output ? chain : output && [output],
    );
  }

  private assemble(
    kernel: Kernel,
    writer: SlotWriter,
    request: CallRequest,
    label: string,
    chain: readonly Tensor[] | undefined,
  ): Call {
    const bindings: Record<string, Operand> = { ...request.bindings };
    if (request.pooled !== undefined) bindings.pooled = request.pooled;
    const stored = chain?.at(-1);
    if (chain !== undefined && stored !== undefined) {
      const riding = this.fusion.riding.get(stored) ?? [];
      const [first] = riding;
      const mode = first?.operation.kind === "statistics" ? first.operation.mode : undefined;
      const shortcut = request.output && this.fusion.shortcuts.get(request.output.node)?.outputs[0];
      writer.output(chain, mode && { mode, second: first?.inputs[1] }, true, shortcut);
      if (first !== undefined) {
        const partials = first.outputs[0] as Tensor;
        bindings.statistics = partials;
        const only = kernel.statistics?.only;
        if (only !== undefined && only !== this.reduction()) {
          throw new PlanError(
            `${kernel.name} sums for the ${only} reduction only; compile with that, or another variant`,
          );
        }
        this.partialCounts.set(partials, (kernel.statistics?.partials ?? 0) * partialsPerWorkgroup(this.reduction()));
        for (const other of riding) {
          if (other !== first) this.shared.set(other.outputs[0] as Tensor, partials);
        }
      }
      bindings.output = stored;
    }
    const suffix = stored !== undefined && stored !== request.output ? ` → ${stored.node.operation.name}` : "";
    return { ...this.paste(kernel, writer, bindings, label + suffix), convolution: request.convolution };
  }

  private paste(kernel: Kernel, writer: SlotWriter, bindings: Readonly<Record<string, Operand>>, label: string): Call {
    const sizes = writer.sizes;
    const pasted = pasteSlots(extendSizes(kernel.source, Object.keys(sizes)), writer.finish());
    const launches = kernel.launches.map((launch) => ({ ...launch, sizes: { ...launch.sizes, ...sizes } }));
    const half = new Set<string>();
    const operands = bindingsOf(pasted)
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
    let source = withStorageTypes(pasted, half);
    if (writer.usesF16) source = enable(source, "f16");
    for (const { operand } of operands) if (operand instanceof Arena) this.arenas.add(operand);
    return { label, kernel: { ...kernel, source, launches }, operands };
  }

  private place(tensor: Tensor, arena: FlatBuffer, offset: number): void {
    this.placements.set(tensor, { arena, offset });
    this.arenas.add(arena);
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
