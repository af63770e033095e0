import { type Shape, Variable } from "@lobule/tensor";
import { uniformSamples } from "./uniform-samples.js";

/**
 * Where a module stands in a model: the prefix of its variables' names, and the seed that fills them. A parameter's
 * start values depend on the seed and its name only, never on what else was made before it.
 */
export class Scope {
  constructor(
    readonly seed = 0,
    readonly path = "",
  ) {}

  child(name: string | number): Scope {
    return new Scope(this.seed, this.nameOf(String(name)));
  }

  nameOf(leaf: string): string {
    return this.path === "" ? leaf : `${this.path}.${leaf}`;
  }

  /**
   * A parameter drawn from U(−k, k), k = 1/√fanIn: Kaiming uniform with a = √5, PyTorch's default for convolutions and
   * their biases. Source: He et al. 2015, eq. 14, with gain √(2/(1 + a²)).
   */
  uniform<const S extends Shape>(leaf: string, shape: S, fanIn: number): Variable<S> {
    const name = this.nameOf(leaf);
    const bound = 1 / Math.sqrt(fanIn);
    const samples = uniformSamples(this.seed, name);
    const start = (target: Float32Array, first: number): void => {
      samples(target, first);
      for (let i = 0; i < target.length; i++) target[i] = (2 * (target[i] as number) - 1) * bound;
    };
    return new Variable(name, shape, start, "parameter");
  }

  /** A variable of one value. */
  filled<const S extends Shape>(leaf: string, shape: S, value: number, role: "parameter" | "statistic"): Variable<S> {
    return new Variable(this.nameOf(leaf), shape, (target) => target.fill(value), role);
  }
}
