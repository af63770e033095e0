import { BatchNorm2d, type SegmentationNetwork } from "@lobule/nn";
import {
  accumulate,
  compile,
  type Device,
  type LoadedProgram,
  moveStatistics,
  type Program,
  Variable,
  VariableGroup,
  zeros,
} from "@lobule/tensor";
import { type Collective, gather, joined } from "../collective/collective.js";
import { ConfigError } from "./config-error.js";

/** Elements between the starts of two ranks' shares are a multiple of this, so that they begin at whole cache lines. */
const alignment = 64;

/** Where each rank's share of a flat array of `length` elements begins, and behind the last where it ends. */
export const shareBounds = (length: number, size: number): number[] =>
  Array.from({ length: size + 1 }, (_, rank) =>
    rank === size ? length : Math.floor((length * rank) / size / alignment) * alignment,
  );

/** A normalization of the network, and where it leaves the statistics of a part. */
interface SeparateLayer {
  readonly layer: BatchNorm2d<number>;
  readonly mean: Variable;
  readonly variance: Variable;
}

/**
 * The running statistics of all layers as two flat arrays of one layout, in which one dispatch moves all of them: at the
 * places of means the first holds running means, at those of variances the second holds running variances. What else is in
 * them has no meaning.
 */
interface FlatStatistics {
  readonly momentum: number;
  readonly means: Variable;
  readonly variances: Variable;
}

/**
 * Adds the gradients of parts that several ranks computed, each one part at a time, to the sums that one process would
 * have, bit for bit: rank r owns a share of the flat gradients, receives that share of every part, and adds the parts in
 * their order by the kernel by which one process adds them. Running statistics are moved by those of the parts, in their
 * order, on every rank.
 */
export class SharedGradients {
  private readonly layers: readonly SeparateLayer[];
  /** What the parts leave, of the layout of the running statistics. */
  private readonly left: VariableGroup;
  private readonly running: VariableGroup;
  private flat: readonly FlatStatistics[] | undefined;
  /** Adds a part; undefined inside where there is nothing of it to add here. */
  private adding: Promise<LoadedProgram | undefined> | undefined;
  /** Is fulfilled when all parts so far are added. */
  private added: Promise<void> = Promise.resolve();
  /** This rank's share of the sums. */
  private sum: Variable | undefined;

  /**
   * Lets the network's batch normalizations leave their statistics, for programs that are compiled from now on.
   * @param sums of the gradients, one a parameter, as the programs of a step have them.
   * @throws ConfigError when the network keeps other statistics, whose order of changes is not known here.
   */
  constructor(
    private readonly world: Collective,
    private readonly device: Device,
    network: SegmentationNetwork,
    private readonly sums: readonly Variable[],
  ) {
    const found = new Set<Variable>(network.buffers());
    this.layers = [...network.namedModules().values()].flatMap((layer) => {
      if (!(layer instanceof BatchNorm2d)) return [];
      for (const each of [layer.runningMean, layer.runningVariance]) found.delete(each);
      const left = (name: string) => new Variable(name, layer.weight.shape, zeros, "statistic");
      const separate = { mean: left("batch_mean"), variance: left("batch_var") };
      layer.separate = separate;
      return [{ layer, ...separate }];
    });
    const [unknown] = found;
    if (unknown !== undefined) {
      throw new ConfigError(
        `the network keeps '${unknown.name}' from step to step outside of a BatchNorm2d, so several processes cannot train it together; train it in one`,
      );
    }
    this.left = new VariableGroup(this.layers.flatMap(({ mean, variance }) => [mean, variance]));
    this.running = new VariableGroup(this.layers.flatMap(({ layer }) => [layer.runningMean, layer.runningVariance]));
  }

  /**
   * Checks the plan of a part.
   * @throws ConfigError when a layer normalizes twice in a step: of its statistics the last would be left alone.
   */
  requireOnce({ calls }: Program): void {
    for (const { layer, mean } of this.layers) {
      const uses = calls.filter(({ operands }) => operands.some(({ operand }) => operand === mean)).length;
      if (uses > 1) {
        throw new ConfigError(
          `the network uses the normalization '${layer.weight.name}' ${uses} times in a step, so several processes cannot train it together; train it in one`,
        );
      }
    }
  }

  /** Makes room for the statistics of the next part, before it is run. */
  clearStatistics(): void {
    this.left.write(new Float32Array(this.left.length));
  }

  /**
   * Adds parts that the first ranks have run, one each, by a program that left its gradients in the sums. What that left is
   * read before anything that is queued from now on, so that the GPU can compute the next part while this one is exchanged;
   * {@link finish} waits for the end.
   * @param shares of the batch, by rank; fewer than there are ranks where some had no part.
   * @param first whether these are the first parts of the batch.
   */
  add(shares: readonly number[], first: boolean): void {
    this.added = this.addAfter(this.added, this.readPart(shares), shares, first);
    // Whoever finishes hears of what failed.
    this.added.catch(() => undefined);
  }

  /** Queues the reading of what this rank's part left; nothing where it had none. */
  private readPart({ length }: readonly number[]): Promise<readonly [Float32Array, Float32Array]> {
    if (this.world.rank >= length) return Promise.resolve([new Float32Array(), new Float32Array()]);
    return Promise.all([Promise.all(this.groups.map((group) => group.read())).then(joined), this.left.read()]);
  }

  private async addAfter(
    before: Promise<void>,
    reading: ReturnType<SharedGradients["readPart"]>,
    shares: readonly number[],
    first: boolean,
  ): Promise<void> {
    const [[gradients, statistics]] = await Promise.all([reading, before]);
    const { world, left, shareLength } = this;
    const own = world.rank < shares.length;
    const bounds = shareBounds(this.length, world.size);
    const parts = Array.from({ length: world.size }, (_, r) =>
      own ? joined([gradients.subarray(bounds[r], bounds[r + 1]), statistics]) : gradients,
    );
    const lengths = Array.from({ length: world.size }, (_, r) => (r < shares.length ? shareLength + left.length : 0));
    const received = await world.exchange(parts, lengths);
    this.adding ??= this.loadAdder();
    const adder = await this.adding;
    for (const [r, share] of shares.entries()) {
      const part = received[r] ?? new Float32Array();
      await adder?.run({
        ...(shareLength === 0
          ? {}
          : { gradient: part.slice(0, shareLength), shares: Float32Array.of(first && r === 0 ? 0 : 1, share) }),
        ...(left.length === 0 ? {} : { statistics: quads(part.subarray(shareLength)) }),
      });
    }
  }

  /** Gives every rank all sums where the update takes them from, and its network the running statistics. */
  async finish(): Promise<void> {
    await this.added;
    const { world, running } = this;
    const [own, moved] = await Promise.all([this.sum?.read() ?? new Float32Array(), this.movedStatistics()]);
    const bounds = shareBounds(this.length, world.size);
    const lengths = Array.from({ length: world.size }, (_, r) => (bounds[r + 1] ?? 0) - (bounds[r] ?? 0));
    const all = joined(await gather(world, own, lengths));
    let next = 0;
    for (const group of this.groups) {
      group.write(all.slice(next, next + group.length));
      next += group.length;
    }
    if (moved !== undefined) running.write(moved);
  }

  async destroy(): Promise<void> {
    (await this.adding)?.destroy();
    this.adding = undefined;
  }

  /** The flat buffers of the sums, which the first program of a part has laid out. */
  private get groups(): readonly VariableGroup[] {
    return [...new Set(this.sums.flatMap(({ group }) => group ?? []))];
  }

  /** Elements of the flat gradients. */
  private get length(): number {
    return this.groups.reduce((total, { length }) => total + length, 0);
  }

  private get shareLength(): number {
    const bounds = shareBounds(this.length, this.world.size);
    return (bounds[this.world.rank + 1] ?? 0) - (bounds[this.world.rank] ?? 0);
  }

  /** The running statistics after the parts so far, of the layout of {@link running}. */
  private async movedStatistics(): Promise<Float32Array<ArrayBuffer> | undefined> {
    if (this.flat === undefined) return undefined;
    const result = new Float32Array(this.running.length);
    for (const { momentum, means, variances } of this.flat) {
      const [mean, variance] = await Promise.all([means.read(), variances.read()]);
      for (const { layer } of this.layers.filter((each) => each.layer.momentum === momentum)) {
        for (const [variable, values] of [
          [layer.runningMean, mean],
          [layer.runningVariance, variance],
        ] as const) {
          const { offset } = variable;
          result.set(values.subarray(offset, offset + layer.weight.shape[0]), offset);
        }
      }
    }
    return result;
  }

  /** The flat statistics, which begin as the network's. */
  private async flatStatistics(): Promise<readonly FlatStatistics[]> {
    if (this.flat !== undefined || this.layers.length === 0) return this.flat ?? [];
    const values = await this.running.read();
    this.flat = [...new Set(this.layers.map(({ layer }) => layer.momentum))].map((momentum) => {
      const copied = (name: string): Variable => new Variable(name, [values.length], values, "statistic");
      const [means, variances] = [copied("running means"), copied("running variances")];
      for (const each of [means, variances]) new VariableGroup([each]);
      return { momentum, means, variances };
    });
    return this.flat;
  }

  /** What adds a part: its gradients to this rank's share of the sums, and its statistics. */
  private async loadAdder(): Promise<LoadedProgram | undefined> {
    const { device, left, shareLength } = this;
    const flat = await this.flatStatistics();
    if (shareLength === 0 && flat.length === 0) return undefined;
    const variable = (name: string, role: "gradient" | "parameter"): Variable => {
      const made = new Variable(name, [shareLength], zeros, role);
      new VariableGroup([made]);
      return made;
    };
    const sum = variable("share of the sums", "gradient");
    // What is added up belongs to a parameter; this one is never on the device.
    const parameter = variable("share of the parameters", "parameter");
    this.sum = sum;
    return compile(
      {
        inputs: {
          ...(shareLength === 0
            ? {}
            : { gradient: { shape: [shareLength], dtype: "f32" }, shares: { shape: [2], dtype: "f32" } }),
          ...(flat.length === 0 ? {} : { statistics: { shape: [left.length, 4], dtype: "f32" } }),
        },
        build: ({ gradient, shares, statistics }) => ({
          updates: [
            ...(gradient === undefined || shares === undefined
              ? []
              : [accumulate([parameter], [gradient], [sum], shares)]),
            ...(statistics === undefined
              ? []
              : flat.map(({ momentum, means, variances }) =>
                  moveStatistics(statistics, { momentum, runningMean: means, runningVariance: variances }),
                )),
          ],
        }),
      },
      { kernels: device.kernels },
    ).load(device);
  }
}

/** Statistics of a part as {@link moveStatistics} takes them, each as the mean and as the variance of its place. */
function quads(values: Float32Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(4 * values.length);
  for (let c = 0; c < values.length; c++) result.set([2, values[c] ?? 0, values[c] ?? 0, 0], 4 * c);
  return result;
}
