import { BatchNorm2d, type SegmentationNetwork } from "@lobule/nn";
import { moveStatistics, type Program, type Tensor, type Update, Variable, VariableGroup, zeros } from "@lobule/tensor";
import { ConfigError } from "./config-error.js";

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

/** The statistics that batch normalizations take of the parts of a batch, and the running ones that are moved by them. */
export class PartStatistics {
  private readonly layers: readonly SeparateLayer[];
  /** What a part leaves, of the layout of the running statistics. */
  private readonly left: VariableGroup;
  private readonly running: VariableGroup;
  private flat: readonly FlatStatistics[] | undefined;

  /**
   * Lets the network's batch normalizations leave their statistics, for programs that are compiled from now on.
   * @throws ConfigError when the network keeps other statistics, whose order of changes is not known here.
   */
  constructor(network: SegmentationNetwork) {
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

  /** Numbers that a part leaves. */
  get length(): number {
    return this.left.length;
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

  /** Makes room for those of the next part, before it is run. */
  clear(): void {
    this.left.write(new Float32Array(this.left.length));
  }

  /** What a part left: {@link length} numbers. Queued before anything that is queued from now on. */
  read(): Promise<Float32Array> {
    return this.left.read();
  }

  /**
   * Makes the running statistics ready to be moved, beginning as the network's.
   * @returns what moves them by what a part left, as {@link quads} has it; nothing where there are none.
   */
  async moves(): Promise<(left: Tensor<readonly [number, 4], "f32">) => Update[]> {
    const flat = await this.flatStatistics();
    return (left) =>
      flat.map(({ momentum, means, variances }) =>
        moveStatistics(left, { momentum, runningMean: means, runningVariance: variances }),
      );
  }

  /** What the network's running statistics are after the parts so far; undefined where none has moved them. */
  async moved(): Promise<Float32Array<ArrayBuffer> | undefined> {
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

  /** Gives the network what {@link moved} told. */
  write(moved: Float32Array<ArrayBuffer>): void {
    this.running.write(moved);
  }

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
}

/** What a part left as `moveStatistics` takes it, each number as the mean and as the variance of its place: [length, 4]. */
export function quads(left: Float32Array): Float32Array<ArrayBuffer> {
  const result = new Float32Array(4 * left.length);
  for (let c = 0; c < left.length; c++) result.set([2, left[c] ?? 0, left[c] ?? 0, 0], 4 * c);
  return result;
}
