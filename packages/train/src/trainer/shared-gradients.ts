import type { SegmentationNetwork } from "@lobule/nn";
import type { Device, Program, VariableGroup } from "@lobule/tensor";
import { type Collective, gather, joined } from "../collective/collective.js";
import { ConfigError } from "./config-error.js";
import { GradientBucket, type PartLeft } from "./gradient-bucket.js";
import { PartStatistics } from "./part-statistics.js";

/**
 * Adds the gradients of parts that several ranks computed, each one part at a time, to the sums that one process would
 * have, bit for bit: rank r owns a share of the flat gradients, receives that share of every part, and adds the parts in
 * their order by the kernel by which one process adds them. Running statistics are moved by those of the parts, in their
 * order, on every rank.
 *
 * The gradients that a submission of a part finishes are a bucket: they are exchanged while the GPU computes the next one.
 */
export class SharedGradients {
  private readonly statistics: PartStatistics;
  private buckets: readonly GradientBucket[] = [];
  private readonly checked = new WeakSet<Program>();
  /** What this rank's part leaves, by bucket, as far as it is queued. */
  private reading: Promise<PartLeft>[] = [];
  /** Is fulfilled when all parts so far are added. */
  private added: Promise<void> = Promise.resolve();

  /**
   * Lets the network's batch normalizations leave their statistics, for programs that are compiled from now on.
   * @throws ConfigError when the network keeps other statistics, whose order of changes is not known here.
   */
  constructor(
    private readonly world: Collective,
    private readonly device: Device,
    network: SegmentationNetwork,
  ) {
    this.statistics = new PartStatistics(network);
  }

  /**
   * Takes the plan of a part, whose submissions say what the buckets are. Called on every rank before the first part is added,
   * and for every plan that is run.
   * @throws ConfigError when a layer normalizes twice in a step, or the buckets are not those of the plan before.
   */
  take(plan: Program): void {
    if (this.checked.has(plan)) return;
    this.statistics.requireOnce(plan);
    const ranges = plan.submissions.map(({ finished }) => finished);
    if (this.buckets.length === 0) {
      // What the forward pass left is there before the first gradients are.
      this.buckets = ranges.map(
        (each, i) => new GradientBucket(each, this.world, this.device, i === 0 ? this.statistics : undefined),
      );
    } else if (
      ranges.length !== this.buckets.length ||
      !this.buckets.every((bucket, i) => bucket.isOf(ranges[i] ?? []))
    ) {
      throw new ConfigError(
        "the network forms its gradients in another order for another number of slices, so several processes cannot train it together; train it in one",
      );
    }
    this.checked.add(plan);
  }

  /** Makes room for the statistics of the next part, before it is run. */
  clearStatistics(): void {
    this.statistics.clear();
  }

  /**
   * Begins to read the bucket that a submission of this rank's part finishes, before anything that is queued from now on; called
   * when it is queued, in their order.
   */
  read(submission: number): void {
    const bucket = this.buckets[submission];
    if (bucket === undefined) throw new RangeError(`there is no bucket ${submission}`);
    const reading = bucket.read();
    // Whoever finishes hears of what failed.
    reading.catch(() => undefined);
    this.reading.push(reading);
  }

  /**
   * Adds parts that the first ranks have queued, one each; {@link finish} waits for the end. Meanwhile the GPU computes what is
   * queued: what later buckets need, and the next part.
   * @param shares of the batch, by rank; fewer than there are ranks where some had no part.
   * @param first whether these are the first parts of the batch.
   */
  add(shares: readonly number[], first: boolean): void {
    const { reading } = this;
    this.reading = [];
    for (const [i, bucket] of this.buckets.entries()) {
      this.added = this.added.then(async () => bucket.exchange(await reading[i], shares, first));
      // Whoever finishes hears of what failed.
      this.added.catch(() => undefined);
    }
  }

  /** Gives every rank all sums where the update takes them from, and its network the running statistics. */
  async finish(): Promise<void> {
    await this.added;
    const { world, buckets, statistics } = this;
    const [moved, ...own] = await Promise.all([statistics.moved(), ...buckets.map((bucket) => bucket.sums())]);
    const lengths = Array.from({ length: world.size }, (_, r) =>
      buckets.reduce((total, bucket) => total + bucket.shareOf(r), 0),
    );
    const all = await gather(world, joined(own), lengths);
    const groups = new Map<VariableGroup, Float32Array<ArrayBuffer>>();
    const read = lengths.map(() => 0);
    for (const bucket of buckets) {
      const sums = joined(
        all.map((each, r) => {
          const from = read[r] ?? 0;
          read[r] = from + bucket.shareOf(r);
          return each.subarray(from, read[r]);
        }),
      );
      let next = 0;
      for (const { group, first, end } of bucket.ranges) {
        const values = groups.get(group) ?? new Float32Array(group.length);
        groups.set(group, values);
        values.set(sums.subarray(next, next + end - first), first);
        next += end - first;
      }
    }
    for (const [group, values] of groups) group.write(values);
    if (moved !== undefined) statistics.write(moved);
  }

  async destroy(): Promise<void> {
    for (const bucket of this.buckets) await bucket.destroy();
  }
}
