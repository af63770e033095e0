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
import { ConfigError } from "./training-config.js";

/** Elements between the starts of two ranks' shares are a multiple of this, so that they begin at whole cache lines. */
const alignment = 64;

/** Where each rank's share of a flat array of `length` elements begins, and behind the last where it ends. */
export const shareBounds = (length: number, size: number): number[] =>
  Array.from({ length: size + 1 }, (_, rank) =>
    rank === size ? length : Math.floor((length * rank) / size / alignment) * alignment,
  );

/** The statistics that a normalization layer of a network leaves of a part. */
interface SeparateLayer {
  readonly layer: BatchNorm2d<number>;
  readonly mean: Variable;
  readonly variance: Variable;
}

/**
 * Adds the gradients of parts that several ranks computed, each one part at a time, to the sums that one process would
 * have, bit for bit: rank r owns a share of the flat gradients, receives that share of every part, and adds the parts in
 * their order by the kernel by which one process adds them. Running statistics are moved by those of the parts, in their
 * order, on every rank.
 */
export class SharedGradients {
  private readonly layers: readonly SeparateLayer[];
  private readonly statistics: VariableGroup;
  private adding: Promise<LoadedProgram> | undefined;
  private moving: Promise<LoadedProgram> | undefined;
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
      const left = (name: string) => new Variable(name, [layer.weight.shape[0]], zeros, "statistic");
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
    this.statistics = new VariableGroup(this.layers.flatMap(({ mean, variance }) => [mean, variance]));
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
    this.statistics.write(new Float32Array(this.statistics.length));
  }

  /**
   * Adds parts that the first ranks have run, one each, by a program that left its gradients in the sums.
   * @param shares of the batch, by rank; fewer than there are ranks where some had no part.
   * @param first whether these are the first parts of the batch.
   */
  async add(shares: readonly number[], first: boolean): Promise<void> {
    const { world, statistics } = this;
    const own = world.rank < shares.length;
    const flat = own ? await this.readGradients() : new Float32Array();
    const kept = own ? await statistics.read() : new Float32Array();
    const bounds = shareBounds(this.length, world.size);
    const parts = Array.from({ length: world.size }, (_, r) => {
      const part = own ? flat.subarray(bounds[r], bounds[r + 1]) : flat;
      return joined([part, kept]);
    });
    const length = this.shareLength + statistics.length;
    const lengths = Array.from({ length: world.size }, (_, r) => (r < shares.length ? length : 0));
    const received = await world.exchange(parts, lengths);
    for (const [r, share] of shares.entries()) {
      const part = received[r] ?? new Float32Array();
      const gradient = part.slice(0, this.shareLength);
      if (gradient.length > 0) {
        await (await this.adder()).run({ gradient, shares: Float32Array.of(first && r === 0 ? 0 : 1, share) });
      }
      if (this.layers.length > 0) await (await this.mover()).run(this.batchStatistics(part.subarray(this.shareLength)));
    }
  }

  /** Gathers the shares of the sums, so that every rank has all of them where the update takes them from. */
  async finish(): Promise<void> {
    const { world } = this;
    const own = this.sum === undefined ? new Float32Array() : await this.sum.read();
    const bounds = shareBounds(this.length, world.size);
    const lengths = Array.from({ length: world.size }, (_, r) => (bounds[r + 1] ?? 0) - (bounds[r] ?? 0));
    const flat = joined(await gather(world, own, lengths));
    let next = 0;
    for (const group of this.groups) {
      group.write(flat.slice(next, next + group.length));
      next += group.length;
    }
  }

  async destroy(): Promise<void> {
    (await this.adding)?.destroy();
    (await this.moving)?.destroy();
    this.adding = undefined;
    this.moving = undefined;
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

  private async readGradients(): Promise<Float32Array> {
    return joined(await Promise.all(this.groups.map((group) => group.read())));
  }

  /** The statistics of a part as {@link moveStatistics} takes them. */
  private batchStatistics(kept: Float32Array): Record<string, Float32Array<ArrayBuffer>> {
    return Object.fromEntries(
      this.layers.map(({ layer, mean, variance }, i) => {
        const values = new Float32Array(4 * layer.weight.shape[0]);
        for (let c = 0; c < layer.weight.shape[0]; c++) {
          values.set([2, kept[mean.offset + c] ?? 0, kept[variance.offset + c] ?? 0, 0], 4 * c);
        }
        return [`layer${i}`, values];
      }),
    );
  }

  /** Adds a part's gradients to this rank's share of the sums. */
  private adder(): Promise<LoadedProgram> {
    this.adding ??= (() => {
      const shape = [this.shareLength] as const;
      const sum = new Variable("share of the sums", shape, zeros, "gradient");
      // What is added up belongs to a parameter; this one is never on the device.
      const parameter = new Variable("share of the parameters", shape, zeros, "parameter");
      for (const each of [sum, parameter]) new VariableGroup([each]);
      this.sum = sum;
      const program = compile({
        inputs: { gradient: { shape, dtype: "f32" }, shares: { shape: [2], dtype: "f32" } },
        build: ({ gradient, shares }) => ({ updates: [accumulate([parameter], [gradient], [sum], shares)] }),
      });
      return program.load(this.device);
    })();
    return this.adding;
  }

  /** Moves the running statistics of all layers by those of a part. */
  private mover(): Promise<LoadedProgram> {
    const { device, layers } = this;
    this.moving ??= compile(
      {
        inputs: Object.fromEntries(
          layers.map(({ layer }, i) => [
            `layer${i}`,
            { shape: [layer.weight.shape[0], 4] as const, dtype: "f32" as const },
          ]),
        ),
        build: (inputs) => ({
          updates: layers.flatMap(({ layer }, i) => {
            const batch = inputs[`layer${i}`];
            return batch === undefined ? [] : [moveStatistics(batch, layer)];
          }),
        }),
      },
      { kernels: device.kernels },
    ).load(device);
    return this.moving;
  }
}
