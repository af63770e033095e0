import {
  accumulate,
  compile,
  type Device,
  type GroupRange,
  type LoadedProgram,
  type Shape,
  Variable,
  VariableGroup,
  type VariableRole,
  zeros,
} from "@lobule/tensor";
import { type Collective, joined } from "../collective/collective.js";
import { type PartStatistics, quads } from "./part-statistics.js";

/** Elements between the starts of two ranks' shares are a multiple of this, so that they begin at whole cache lines. */
const alignment = 64;

/** Where each rank's share of an array of `length` elements begins, and behind the last where it ends. */
export const shareBounds = (length: number, size: number): number[] =>
  Array.from({ length: size + 1 }, (_, rank) =>
    rank === size ? length : Math.floor((length * rank) / size / alignment) * alignment,
  );

/** This rank's share of a rank's part, as it was received. */
interface ReceivedPart {
  readonly gradient: Variable<readonly [number]>;
  /** As `accumulate` has them. */
  readonly shares: Variable<readonly [2]>;
  /** See {@link quads}. */
  readonly statistics: Variable<readonly [number, 4]>;
}

/** Of a bucket, what a part left. */
export interface PartLeft {
  readonly gradients: Float32Array;
  /** Empty where the bucket has none. */
  readonly statistics: Float32Array;
}

/** Gradients that are exchanged together, because one submission of a part finishes them. */
export class GradientBucket {
  /** Elements. */
  readonly length: number;
  private readonly bounds: readonly number[];
  /** This rank's share of the sums. */
  private readonly sum: Variable<readonly [number]>;
  /** By rank. */
  private readonly received: readonly ReceivedPart[];
  /** What adds as many parts as its number says. */
  private readonly adders = new Map<number, Promise<LoadedProgram>>();

  /** @param statistics of the parts, where they are exchanged with this bucket. */
  constructor(
    readonly ranges: readonly GroupRange[],
    private readonly world: Collective,
    private readonly device: Device,
    private readonly statistics: PartStatistics | undefined,
  ) {
    this.length = ranges.reduce((total, { first, end }) => total + end - first, 0);
    this.bounds = shareBounds(this.length, world.size);
    const shape = [this.shareOf(world.rank)] as const;
    this.sum = variableOf("share of the sums", shape, "gradient");
    this.received = world.hosts.map(() => ({
      gradient: variableOf("share of a part", shape, "gradient"),
      shares: variableOf("shares of the batch", [2], "gradient"),
      statistics: variableOf("statistics of a part", [statistics?.length ?? 0, 4], "statistic"),
    }));
  }

  /** Whether it is of these elements. */
  isOf(ranges: readonly GroupRange[]): boolean {
    const [own, others] = [this.ranges, ranges];
    return (
      own.length === others.length &&
      own.every(({ group, first, end }, i) => {
        const other = others[i];
        return group === other?.group && first === other.first && end === other.end;
      })
    );
  }

  /** Elements of a rank's share. */
  shareOf(rank: number): number {
    return (this.bounds[rank + 1] ?? 0) - (this.bounds[rank] ?? 0);
  }

  /** What this rank's part left. Queued before anything that is queued from now on. */
  async read(): Promise<PartLeft> {
    const [statistics, ...gradients] = await Promise.all([
      this.statistics?.read() ?? new Float32Array(),
      ...this.ranges.map(({ group, first, end }) => group.read(first, end)),
    ]);
    return { gradients: joined(gradients), statistics };
  }

  /**
   * Gives every rank its share of this rank's part, and adds the parts of all to this rank's share of the sums.
   * @param left by this rank's part; undefined where it had none.
   * @param shares of the batch, by rank; fewer than there are ranks where some had no part.
   * @param first whether the sums begin with these parts.
   */
  async exchange(left: PartLeft | undefined, shares: readonly number[], first: boolean): Promise<void> {
    const { world, bounds, statistics } = this;
    const own = this.shareOf(world.rank);
    const ranks = Array.from({ length: world.size }, (_, r) => r);
    const parts = await world.exchange(
      ranks.map((r) =>
        left === undefined
          ? new Float32Array()
          : joined([left.gradients.subarray(bounds[r], bounds[r + 1]), left.statistics]),
      ),
      ranks.map((r) => (r < shares.length ? own + (statistics?.length ?? 0) : 0)),
    );
    for (const [r, share] of shares.entries()) {
      const part = parts[r] ?? new Float32Array();
      const to = this.received[r];
      to?.shares.write(Float32Array.of(first && r === 0 ? 0 : 1, share));
      to?.gradient.write(part.subarray(0, own));
      to?.statistics.write(quads(part.subarray(own)));
    }
    const adder = this.adders.get(shares.length) ?? this.loadAdder(shares.length);
    this.adders.set(shares.length, adder);
    await (await adder).run();
  }

  /** This rank's share of the sums. */
  async sums(): Promise<Float32Array> {
    return this.sum.read();
  }

  async destroy(): Promise<void> {
    for (const adder of this.adders.values()) (await adder).destroy();
    this.adders.clear();
  }

  /** What adds parts in their order: their gradients to this rank's share of the sums; and moves the statistics by theirs. */
  private async loadAdder(parts: number): Promise<LoadedProgram> {
    const { sum, statistics, device } = this;
    // What is added up belongs to a parameter; this one is never on the device.
    const parameter = variableOf("share of the parameters", sum.shape, "parameter");
    const moves = await statistics?.moves();
    const added = this.received.slice(0, parts);
    const build = () => ({
      updates: added.flatMap(({ gradient, shares, statistics: left }) => [
        ...(sum.shape[0] === 0 ? [] : [accumulate([parameter], [gradient], [sum], shares)]),
        ...(moves?.(left) ?? []),
      ]),
    });
    return compile({ inputs: {}, build }, { kernels: device.kernels }).load(device);
  }
}

function variableOf<const S extends Shape>(name: string, shape: S, role: VariableRole): Variable<S> {
  const variable = new Variable(name, shape, zeros, role);
  new VariableGroup([variable]);
  return variable;
}
