import { type ImageShape, momentsSlot, type Reduction, type SlotText, sumsSlot } from "@lobule/kernels-wgsl";
import { inputOf, last, type NonEmpty, type RemapOperation, storageOf, type Tensor } from "../graph/tensor.js";
import { asImage, PlanError } from "../shape.js";
import { readInputs } from "./fuse.js";
import type { StorageType } from "./storage.js";

const pascal = (name: string): string => name[0]?.toUpperCase() + name.slice(1);

/** Statements of a slot's two functions, for the channel `c` of sample `n`. */
interface Scope {
  /** WGSL expression of the channel within the tensor at hand. */
  readonly channel: string;
  /** How many channels of the tensor at hand it runs through, where these are not all. */
  readonly channels?: number;
  readonly prepare: string[];
  readonly load: string[];
  /** Names of what was computed already. */
  readonly known: Map<Tensor, string>;
}

/** What one slot's functions are built from. */
interface SlotContext {
  readonly image: ImageShape;
  readonly fields: string[];
}

/** Sums by channel of what a kernel stores; `second` as in StatisticsOperation. */
export interface TakenStatistics {
  readonly mode: "moments" | "sums";
  readonly second: Tensor | undefined;
}

/**
 * Writes the text of a kernel's slots: expressions over tensors, inlined into its load and store functions.
 *
 * Names are given in order of appearance and extents come through `struct Sizes`, so that layers which differ in shape
 * only share one text, and so one pipeline.
 */
export class SlotWriter {
  /** Tensors that the inlined text reads, by binding name. */
  readonly leaves = new Map<string, Tensor>();
  /** Channels that are read of tensors of which a slice is. */
  readonly channelsRead = new Map<Tensor, number>();
  /** Fields that the text adds to `struct Sizes`. */
  readonly sizes: Record<string, number> = {};
  readonly slots: SlotText[] = [];
  usesF16 = false;
  private readonly leafNames = new Map<Tensor, string>();
  private readonly newBindings: string[] = [];
  private locals = 0;

  /**
   * @param isInlined whether a tensor is computed in place instead of read.
   * @param storageType in which type a tensor is stored.
   * @param reduction which invocations sum statistics together.
   */
  constructor(
    private readonly isInlined: (tensor: Tensor) => boolean,
    private readonly storageType: StorageType,
    private readonly reduction: Reduction,
  ) {}

  /** Replaces the load slot over the binding `name` by an expression. */
  input(name: string, tensor: Tensor): void {
    const context: SlotContext = { image: asImage(tensor.shape), fields: [] };
    const scope: Scope = { channel: "c", prepare: [], load: [], known: new Map() };
    const result = this.expression(tensor, context, scope);
    const suffix = pascal(name);
    this.push({
      replaces: name,
      definitions: {
        [`${suffix}Channel`]: struct(`${suffix}Channel`, context.fields),
        [`prepare${suffix}`]: `fn prepare${suffix}(n: u32, c: u32) -> ${suffix}Channel {
  var channel: ${suffix}Channel;${lines(scope.prepare)}
  return channel;
}`,
        [`load${suffix}`]: `fn load${suffix}(channel: ${suffix}Channel, y: u32, x: u32, pixel: u32) -> f32 {${lines(scope.load)}
  return ${result};
}`,
      },
    });
  }

  /**
   * Replaces the store slot: what the kernel computes, the first of `chain`, becomes the last by way of the others.
   * @param statistics sums to take of what is stored.
   * @param included what the chain adds but the kernel's value already holds.
   */
  output(chain: NonEmpty<Tensor>, statistics: TakenStatistics | undefined, writes: boolean, included?: Tensor): void {
    const [own, stored] = [chain[0], last(chain)];
    const image = asImage(stored.shape);
    const context: SlotContext = { image, fields: [] };
    const scope: Scope = { channel: "c", prepare: [], load: [], known: new Map([[own, "value"]]) };
    if (included !== undefined) scope.known.set(included, "0.0");
    const result = this.expression(stored, context, scope, chain);
    const storage = this.storageType(stored);
    this.usesF16 ||= storage === "f16";
    const definitions: Record<string, string> = {};
    let store = "";
    if (writes) {
      const base = this.field(context, "u32");
      const [channels, plane] = [
        this.size("storedChannels", image.channels),
        this.size("storedPlane", image.height * image.width),
      ];
      scope.prepare.push(`channel.${base} = (n * ${channels} + c) * ${plane};`);
      store = ` output[channel.${base} + pixel] = ${storage}(value); `;
    }
    const sums: Scope = { channel: "c", prepare: scope.prepare, load: [], known: new Map([[stored, "value"]]) };
    const second = statistics?.second && this.expression(statistics.second, context, sums);
    definitions.OutputChannel = struct("OutputChannel", context.fields);
    definitions.prepareOutput = `fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  var channel: OutputChannel;${lines(scope.prepare)}
  return channel;
}`;
    definitions.finishOutput = `fn finishOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) -> f32 {${lines(scope.load)}
  return f32(${writes ? storage : "f32"}(${result}));
}`;
    definitions.storeOutput = `fn storeOutput(channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {${store}}`;
    this.push({
      ...(writes ? { replaces: "output" } : {}),
      definitions,
    });
    if (writes) this.newBindings.push(`var<storage, read_write> output: array<${storage}>;`);
    if (statistics !== undefined) {
      this.slots.push(
        statistics.mode === "moments"
          ? momentsSlot(this.reduction)
          : sumsSlot(second ?? "0.0", this.reduction, sums.load.join("\n  ")),
      );
    }
  }

  /** The slots with the bindings that they need together. */
  finish(): readonly SlotText[] {
    const [first, ...rest] = this.slots;
    return first === undefined ? [] : [{ ...first, bindings: [...this.newBindings, ...first.bindings] }, ...rest];
  }

  private push(slot: Omit<SlotText, "bindings">): void {
    this.slots.push({ ...slot, bindings: [] });
  }

  private field(context: SlotContext, type: string): string {
    const name = `f${context.fields.length}`;
    context.fields.push(`${name}: ${type}`);
    return name;
  }

  private size(name: string, value: number): string {
    this.sizes[name] = value;
    return `sizes.${name}`;
  }

  /** Emits the statements that compute `tensor` at (n, channel, y, x) and returns its name there. */
  private expression(tensor: Tensor, context: SlotContext, scope: Scope, chain: readonly Tensor[] = []): string {
    const known = scope.known.get(tensor);
    if (known !== undefined) return known;
    const result =
      chain.includes(tensor) || this.isInlined(tensor)
        ? this.compute(tensor, context, scope, chain)
        : this.load(tensor, context, scope);
    scope.known.set(tensor, result);
    return result;
  }

  private compute(tensor: Tensor, context: SlotContext, scope: Scope, chain: readonly Tensor[]): string {
    const { operation } = tensor.node;
    const local = `v${this.locals++}`;
    if (operation.kind === "pointwise") {
      const args = readInputs(tensor.node).map((each, i) =>
        operation.coefficients?.includes(i)
          ? this.coefficient(each, context, scope)
          : this.expression(each, context, scope, chain),
      );
      scope.load.push(`let ${local} = ${operation.wgsl(args)};`);
      return local;
    }
    if (operation.kind === "slice") {
      const offset = this.size(`channelOffset${this.locals++}`, operation.channel);
      const { channels } = asImage(tensor.shape);
      const channel = channels === 1 ? offset : `(${scope.channel} + ${offset})`;
      const inner: Scope = { ...scope, channel, channels, known: new Map() };
      return this.expression(inputOf(tensor.node, 0), context, inner, chain);
    }
    if (operation.kind === "concat") return this.concat(tensor, operation, local, context, scope, chain);
    throw new PlanError(`${operation.name} cannot be computed inside another kernel`);
  }

  private concat(
    tensor: Tensor,
    operation: RemapOperation,
    local: string,
    context: SlotContext,
    scope: Scope,
    chain: readonly Tensor[],
  ): string {
    const split = this.size(`channelSplit${this.locals++}`, operation.channel);
    const which = this.field(context, "u32");
    const branch = (part: Tensor, channel: string): Scope => {
      const inner: Scope = { channel, prepare: [], load: [], known: new Map() };
      const result = this.expression(part, context, inner, chain);
      inner.load.push(`${local} = ${result};`);
      return inner;
    };
    // Both are prepared, each for a channel that it has, and one is loaded: branches cost compilers on the CPU minutes.
    const first = branch(inputOf(tensor.node, 0), `min(${scope.channel}, ${split} - 1u)`);
    const second = branch(inputOf(tensor.node, 1), `(max(${scope.channel}, ${split}) - ${split})`);
    scope.prepare.push(
      `channel.${which} = select(0u, 1u, ${scope.channel} >= ${split});`,
      ...first.prepare,
      ...second.prepare,
    );
    scope.load.push(
      `var ${local}: f32;`,
      `if (channel.${which} == 0u) {${lines(first.load)}\n  } else {${lines(second.load)}\n  }`,
    );
    return local;
  }

  private leaf(tensor: Tensor, vector: boolean): string {
    const base = storageOf(tensor);
    let name = this.leafNames.get(base);
    if (name === undefined) {
      name = `t${this.leafNames.size}`;
      this.leafNames.set(base, name);
      this.leaves.set(name, base);
      const type = vector ? "vec4f" : this.storageType(base);
      this.usesF16 ||= type === "f16";
      this.newBindings.push(`var<storage, read> ${name}: array<${type}>;`);
    }
    return name;
  }

  /** One vec4f of the channel. */
  private coefficient(tensor: Tensor, context: SlotContext, scope: Scope): string {
    const known = scope.known.get(tensor);
    if (known !== undefined) return known;
    const name = this.leaf(tensor, true);
    const field = this.field(context, "vec4f");
    // A single channel may be repeated along another tensor's channels.
    scope.prepare.push(`channel.${field} = ${name}[${tensor.shape[0] === 1 ? "0u" : scope.channel}];`);
    const result = `channel.${field}`;
    scope.known.set(tensor, result);
    return result;
  }

  private load(tensor: Tensor, { image, ...context }: SlotContext, scope: Scope): string {
    const name = this.leaf(tensor, false);
    const own = asImage(tensor.shape);
    const base = storageOf(tensor);
    const read = (this.channelsRead.get(base) ?? 0) + (scope.channels ?? own.channels);
    this.channelsRead.set(base, Math.min(read, own.channels));
    const channels = this.size(`${name}Channels`, own.channels);
    const at = `(${own.batch === 1 ? "0u" : `n * ${channels}`} + ${own.channels === 1 ? "0u" : scope.channel})`;
    const full: SlotContext = { image, ...context };
    const local = `v${this.locals++}`;
    if (own.height === 1 && own.width === 1) {
      // One value a channel: read it once, unless the image itself is a single pixel (then it is the same).
      const field = this.field(full, "f32");
      scope.prepare.push(`channel.${field} = f32(${name}[${at}]);`);
      return `channel.${field}`;
    }
    const field = this.field(full, "u32");
    const plane = this.size(`${name}Plane`, own.height * own.width);
    scope.prepare.push(`channel.${field} = ${at} * ${plane};`);
    let pixel = "pixel";
    if (own.height !== image.height || own.width !== image.width) {
      if (own.height !== 1 && own.width !== 1) throw new PlanError("a broadcast must repeat whole axes");
      pixel = own.height === 1 ? "x" : "y";
    }
    scope.load.push(`let ${local} = f32(${name}[channel.${field} + ${pixel}]);`);
    return local;
  }
}

const lines = (statements: readonly string[]): string => statements.map((line) => `\n  ${line}`).join("");

const struct = (name: string, fields: readonly string[]): string =>
  `struct ${name} { ${(fields.length > 0 ? fields : ["unused: u32"]).join(", ")} }`;
