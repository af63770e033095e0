import {
  hasFunction,
  type ImageShape,
  momentsSlot,
  type Reduction,
  type SlotText,
  sumsSlot,
} from "@lobule/kernels-wgsl";
import { inputOf, last, type NonEmpty, type RemapOperation, storageOf, type Tensor } from "../graph/tensor.js";
import { asImage, PlanError } from "../shape.js";
import { readInputs } from "./fuse.js";
import type { StorageType } from "./storage.js";

const pascal = (name: string): string => name[0]?.toUpperCase() + name.slice(1);

/** Statements of a slot's functions, for the channel `c` of sample `n`. */
interface Scope {
  /** WGSL expression of the channel within the tensor at hand. */
  readonly channel: string;
  /** How many channels of the tensor at hand it runs through, where these are not all. */
  readonly channels?: number;
  readonly prepare: string[];
  /** For one pixel. */
  readonly load: string[];
  /** For a quad, where the kernel has functions of quads; they compute under the same names. */
  readonly loadQuad: string[];
  /** Names of what was computed already. */
  readonly known: Map<Tensor, string>;
}

const newScope = (channel: string, known: readonly (readonly [Tensor, string])[] = []): Scope => ({
  channel,
  prepare: [],
  load: [],
  loadQuad: [],
  known: new Map(known),
});

/** What one slot's functions are built from. */
interface SlotContext {
  readonly image: ImageShape;
  readonly fields: string[];
  /** Whether the kernel binds images as quads, four pixels of a row each. */
  readonly quads: boolean;
}

/** How a tensor is bound: by elements, by quads, or as a vec4f a channel. */
type LeafKind = "elements" | "quads" | "coefficients";

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
  private readonly leafNames = new Map<Tensor, Map<LeafKind, string>>();
  private readonly newBindings: string[] = [];
  /** Names of what differs between the pixels of a quad: each is a vec4f in the functions of quads. */
  private readonly perPixel = new Set<string>();
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

  /** Replaces the load slot over the binding `name` of a kernel by an expression. */
  input(kernel: string, name: string, tensor: Tensor): void {
    const suffix = pascal(name);
    const quads = hasFunction(kernel, `load${suffix}Quad`);
    const context: SlotContext = { image: asImage(tensor.shape), fields: [], quads };
    const scope = newScope("c");
    const result = this.expression(tensor, context, scope);
    const definitions: Record<string, string> = {
      [`${suffix}Channel`]: struct(`${suffix}Channel`, context.fields),
      [`prepare${suffix}`]: `fn prepare${suffix}(n: u32, c: u32) -> ${suffix}Channel {
  var channel: ${suffix}Channel;${lines(scope.prepare)}
  return channel;
}`,
    };
    const channel = `channel: ${suffix}Channel`;
    if (quads) {
      definitions[`load${suffix}Quad`] =
        `fn load${suffix}Quad(${channel}, ${quadPlace}) -> vec4f {${lines(scope.loadQuad)}
  return ${this.quad(result)};
}`;
    }
    if (!quads || hasFunction(kernel, `load${suffix}`)) {
      const place = quads ? `${quadPlace}, part: u32` : pixelPlace;
      definitions[`load${suffix}`] = `fn load${suffix}(${channel}, ${place}) -> f32 {${lines(scope.load)}
  return ${result};
}`;
    }
    this.push({ replaces: name, definitions });
  }

  /**
   * Replaces the store slot of a kernel: what it computes, the first of `chain`, becomes the last by way of the others.
   * @param statistics sums to take of what is stored.
   * @param included what the chain adds but the kernel's value already holds.
   */
  output(
    kernel: string,
    chain: NonEmpty<Tensor>,
    statistics: TakenStatistics | undefined,
    writes: boolean,
    included?: Tensor,
  ): void {
    const [own, stored] = [chain[0], last(chain)];
    const image = asImage(stored.shape);
    const quads = hasFunction(kernel, "storeOutputQuad");
    const context: SlotContext = { image, fields: [], quads };
    this.perPixel.add("value");
    const scope = newScope("c", [[own, "value"]]);
    if (included !== undefined) scope.known.set(included, "0.0");
    const result = this.expression(stored, context, scope, chain);
    const storage = this.storageType(stored);
    this.usesF16 ||= storage === "f16";
    const [real, suffix, place, index, value] = quads
      ? [`vec4<${storage}>`, "Quad", quadPlace, "place", "vec4f"]
      : [storage, "", pixelPlace, "pixel", "f32"];
    const definitions: Record<string, string> = {};
    let store = "";
    if (writes) {
      const base = this.field(context, "u32");
      const channels = this.size("storedChannels", image.channels);
      scope.prepare.push(`channel.${base} = (n * ${channels} + c) * ${this.plane("stored", image, quads)};`);
      store = ` output[channel.${base} + ${index}] = ${real}(value); `;
    }
    const sums: Scope = { ...newScope("c", [[stored, "value"]]), prepare: scope.prepare };
    const second = statistics?.second && this.expression(statistics.second, context, sums);
    definitions.OutputChannel = struct("OutputChannel", context.fields);
    definitions.prepareOutput = `fn prepareOutput(n: u32, c: u32) -> OutputChannel {
  var channel: OutputChannel;${lines(scope.prepare)}
  return channel;
}`;
    const parameters = `channel: OutputChannel, value: ${value}, ${place}`;
    const rounded = `${value}(${writes ? real : value}(${quads ? this.quad(result) : result}))`;
    definitions[`finishOutput${suffix}`] =
      `fn finishOutput${suffix}(${parameters}) -> ${value} {${lines(quads ? scope.loadQuad : scope.load)}
  return ${rounded};
}`;
    definitions[`storeOutput${suffix}`] = `fn storeOutput${suffix}(${parameters}) {${store}}`;
    this.push({
      ...(writes ? { replaces: "output" } : {}),
      definitions,
    });
    if (writes) this.newBindings.push(`var<storage, read_write> output: array<${real}>;`);
    if (statistics === undefined) return;
    if (statistics.mode === "moments") this.slots.push(momentsSlot(this.reduction, quads));
    else {
      const summand = second ?? "0.0";
      const statements = (quads ? sums.loadQuad : sums.load).join("\n  ");
      this.slots.push(sumsSlot(quads ? this.quad(summand) : summand, this.reduction, statements, quads));
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

  /** Pixels of a channel, or quads. */
  private plane(name: string, { height, width }: ImageShape, quads: boolean): string {
    return quads ? this.size(`${name}Quads`, (height * width) / 4) : this.size(`${name}Plane`, height * width);
  }

  /** A name or constant as a vec4f. */
  private quad(name: string): string {
    return this.perPixel.has(name) ? name : `vec4f(${name})`;
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
      const scalar = operation.wgsl(args);
      scope.load.push(`let ${local} = ${scalar};`);
      // A GPU computes each pixel by itself; only loads and stores are wider. So an operation is written once, for a pixel.
      const parts = ["x", "y", "z", "w"].map((part) =>
        operation.wgsl(args.map((each) => (this.perPixel.has(each) ? `${each}.${part}` : each))),
      );
      const differ = args.some((each) => this.perPixel.has(each));
      if (differ) this.perPixel.add(local);
      scope.loadQuad.push(`let ${local} = ${differ ? `vec4f(${parts.join(", ")})` : scalar};`);
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
      const inner = newScope(channel);
      const result = this.expression(part, context, inner, chain);
      inner.load.push(`${local} = ${result};`);
      inner.loadQuad.push(`${local} = ${this.quad(result)};`);
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
    const branches = (type: string, one: readonly string[], other: readonly string[]): string[] => [
      `var ${local}: ${type};`,
      `if (channel.${which} == 0u) {${lines(one)}\n  } else {${lines(other)}\n  }`,
    ];
    scope.load.push(...branches("f32", first.load, second.load));
    scope.loadQuad.push(...branches("vec4f", first.loadQuad, second.loadQuad));
    this.perPixel.add(local);
    return local;
  }

  private leaf(tensor: Tensor, kind: LeafKind): string {
    const base = storageOf(tensor);
    const names = this.leafNames.get(base) ?? new Map<LeafKind, string>();
    this.leafNames.set(base, names);
    let name = names.get(kind);
    if (name === undefined) {
      name = `t${this.leaves.size}`;
      names.set(kind, name);
      this.leaves.set(name, base);
      const element = this.storageType(base);
      const type = { elements: element, quads: `vec4<${element}>`, coefficients: "vec4f" }[kind];
      this.usesF16 ||= kind !== "coefficients" && element === "f16";
      this.newBindings.push(`var<storage, read> ${name}: array<${type}>;`);
    }
    return name;
  }

  /** One vec4f of the channel. */
  private coefficient(tensor: Tensor, context: SlotContext, scope: Scope): string {
    const known = scope.known.get(tensor);
    if (known !== undefined) return known;
    const name = this.leaf(tensor, "coefficients");
    const field = this.field(context, "vec4f");
    // A single channel may be repeated along another tensor's channels.
    scope.prepare.push(`channel.${field} = ${name}[${tensor.shape[0] === 1 ? "0u" : scope.channel}];`);
    const result = `channel.${field}`;
    scope.known.set(tensor, result);
    return result;
  }

  private load(tensor: Tensor, context: SlotContext, scope: Scope): string {
    const { image } = context;
    const own = asImage(tensor.shape);
    const quads = context.quads && own.width > 1;
    const name = this.leaf(tensor, quads ? "quads" : "elements");
    const base = storageOf(tensor);
    const read = (this.channelsRead.get(base) ?? 0) + (scope.channels ?? own.channels);
    this.channelsRead.set(base, Math.min(read, own.channels));
    const channels = this.size(`${name}Channels`, own.channels);
    const at = `(${own.batch === 1 ? "0u" : `n * ${channels}`} + ${own.channels === 1 ? "0u" : scope.channel})`;
    const local = `v${this.locals++}`;
    if (own.height === 1 && own.width === 1) {
      // One value a channel: read it once, unless the image itself is a single pixel (then it is the same).
      const field = this.field(context, "f32");
      scope.prepare.push(`channel.${field} = f32(${name}[${at}]);`);
      return `channel.${field}`;
    }
    const field = this.field(context, "u32");
    scope.prepare.push(`channel.${field} = ${at} * ${this.plane(name, own, quads)};`);
    let [pixel, place] = ["pixel", "place"];
    if (own.height !== image.height || own.width !== image.width) {
      if (own.height !== 1 && own.width !== 1) throw new PlanError("a broadcast must repeat whole axes");
      [pixel, place] = own.height === 1 ? ["x", "quad"] : ["y", "y"];
    }
    if (quads) {
      scope.load.push(`let ${local} = f32(${name}[channel.${field} + ${place}][part]);`);
      scope.loadQuad.push(`let ${local} = vec4f(${name}[channel.${field} + ${place}]);`);
      this.perPixel.add(local);
    } else {
      const statement = `let ${local} = f32(${name}[channel.${field} + ${context.quads ? place : pixel}]);`;
      scope.load.push(statement);
      scope.loadQuad.push(statement);
    }
    return local;
  }
}

/** Parameters that tell which pixel, and which quad; see contract/slots.ts of kernels-wgsl. */
const pixelPlace = "y: u32, x: u32, pixel: u32";
const quadPlace = "y: u32, quad: u32, place: u32";

const lines = (statements: readonly string[]): string => statements.map((line) => `\n  ${line}`).join("");

const struct = (name: string, fields: readonly string[]): string =>
  `struct ${name} { ${(fields.length > 0 ? fields : ["unused: u32"]).join(", ")} }`;
