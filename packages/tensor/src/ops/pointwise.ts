import type { PointwiseOperation } from "../graph/operation.js";
import { applyOne, type Tensor } from "../graph/tensor.js";
import { asImage, broadcastShapes, type Shape } from "../shape.js";
import { sumToShape } from "./sum.js";

type F32 = Tensor<Shape, "f32">;

/** A WGSL literal of exactly this number. */
const literal = (value: number): string => {
  if (!Number.isFinite(value)) throw new RangeError(`a pointwise constant must be finite, got ${value}`);
  const text = String(Math.fround(value));
  return `f32(${text})`;
};

function unary<S extends Shape>(
  operation: Omit<PointwiseOperation, "kind" | "gradient">,
  x: Tensor<S>,
  gradient: (gradOutput: Tensor, output: Tensor) => Tensor,
): Tensor<S, "f32"> {
  asImage(x.shape);
  const output: Tensor<S, "f32"> = applyOne(
    { kind: "pointwise", ...operation, gradient: ([g]) => [g && gradient(g, output)] },
    [x],
    x.shape,
  );
  return output;
}

function binary(
  name: string,
  wgsl: (args: readonly string[]) => string,
  a: Tensor,
  b: Tensor,
  gradient: (gradOutput: Tensor, output: Tensor) => readonly [Tensor, Tensor],
): F32 {
  const shape = broadcastShapes(name, a.shape, b.shape);
  asImage(shape);
  const output: F32 = applyOne(
    {
      kind: "pointwise",
      name,
      wgsl,
      gradient: ([g]) => {
        if (g === undefined) return [undefined, undefined];
        const [gradA, gradB] = gradient(g, output);
        return [sumToShape(gradA, a.shape), sumToShape(gradB, b.shape)];
      },
    },
    [a, b],
    shape,
  );
  return output;
}

type Binary = {
  <S extends Shape>(a: Tensor<S, "f32">, b: Tensor<S, "f32">): Tensor<S, "f32">;
  (a: Tensor, b: Tensor): F32;
};

/** a + b, with broadcasting. */
export const add = ((a: Tensor, b: Tensor) =>
  binary(
    "add",
    ([x, y]) => `(${x} + ${y})`,
    a,
    b,
    (g) => [g, g],
  )) as Binary;
/** a − b, with broadcasting. */
export const subtract = ((a: Tensor, b: Tensor) =>
  binary(
    "subtract",
    ([x, y]) => `(${x} - ${y})`,
    a,
    b,
    (g) => [g, negate(g)],
  )) as Binary;
/** a · b, with broadcasting. */
export const multiply = ((a: Tensor, b: Tensor) =>
  binary(
    "multiply",
    ([x, y]) => `(${x} * ${y})`,
    a,
    b,
    (g) => [multiply(g, b), multiply(g, a)],
  )) as Binary;
/** a / b, with broadcasting. */
export const divide = ((a: Tensor, b: Tensor) =>
  binary(
    "divide",
    ([x, y]) => `(${x} / ${y})`,
    a,
    b,
    (g, y) => [divide(g, b), negate(divide(multiply(g, y), b))],
  )) as Binary;

export const negate = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary({ name: "negate", wgsl: ([a]) => `(-${a})` }, x, negate);

/** k · x for a number k that is baked into the kernel. */
export const scale = <S extends Shape>(x: Tensor<S>, k: number): Tensor<S, "f32"> =>
  unary({ name: "scale", key: String(k), wgsl: ([a]) => `(${a} * ${literal(k)})` }, x, (g) => scale(g, k));

/** x + k for a number k that is baked into the kernel. */
export const addScalar = <S extends Shape>(x: Tensor<S>, k: number): Tensor<S, "f32"> =>
  unary({ name: "add-scalar", key: String(k), wgsl: ([a]) => `(${a} + ${literal(k)})` }, x, (g) => g);

/** max(x, 0); its gradient at 0 is 0, as PyTorch's. */
export const relu = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary({ name: "relu", wgsl: ([a]) => `max(${a}, 0.0)` }, x, maskWherePositive);

/** gradOutput where output > 0, otherwise 0. */
const maskWherePositive = (gradOutput: Tensor, output: Tensor): Tensor =>
  applyOne(
    { kind: "pointwise", name: "relu-grad", wgsl: ([g, y]) => `select(0.0, ${g}, ${y} > 0.0)` },
    [gradOutput, output],
    output.shape,
  );

/** x where x > 0, else slope · x, for a positive slope that is baked into the kernel. Source: Maas et al. 2013. */
export function leakyRelu<S extends Shape>(x: Tensor<S>, slope = 0.01): Tensor<S, "f32"> {
  if (!(slope > 0)) throw new RangeError(`leakyRelu: the slope must be above 0, got ${slope}`);
  const leak = literal(slope);
  return unary(
    { name: "leaky-relu", key: String(slope), wgsl: ([a]) => `select(${leak} * ${a}, ${a}, ${a} > 0.0)` },
    x,
    (gradOutput, output) =>
      applyOne(
        {
          kind: "pointwise",
          name: "leaky-relu-grad",
          key: String(slope),
          wgsl: ([g, y]) => `select(${leak} * ${g}, ${g}, ${y} > 0.0)`,
        },
        [gradOutput, output],
        output.shape,
      ),
  );
}

/** 1 / (1 + e⁻ˣ). */
export const sigmoid = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary({ name: "sigmoid", wgsl: ([a]) => `(1.0 / (1.0 + exp(-${a})))` }, x, (gradOutput, output) =>
    applyOne(
      { kind: "pointwise", name: "sigmoid-grad", wgsl: ([g, y]) => `(${g} * ${y} * (1.0 - ${y}))` },
      [gradOutput, output],
      output.shape,
    ),
  );

/** x · σ(x), the sigmoid linear unit, also called swish. Source: Elfwing et al. 2018. */
export const silu = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary({ name: "silu", wgsl: ([a]) => `(${a} / (1.0 + exp(-${a})))` }, x, (gradOutput) =>
    applyOne(
      {
        kind: "pointwise",
        name: "silu-grad",
        wgsl: ([g, a]) => {
          const sigma = `(1.0 / (1.0 + exp(-${a})))`;
          return `(${g} * ${sigma} * (1.0 + ${a} * (1.0 - ${sigma})))`;
        },
      },
      [gradOutput, x],
      x.shape,
    ),
  );

export const exp = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary({ name: "exp", wgsl: ([a]) => `exp(${a})` }, x, (g, y) => multiply(g, y));
/** Natural logarithm. */
export const log = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary({ name: "log", wgsl: ([a]) => `log(${a})` }, x, (g) => divide(g, x));
export const sqrt = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary({ name: "sqrt", wgsl: ([a]) => `sqrt(${a})` }, x, (g, y) => scale(divide(g, y), 0.5));

/** The same numbers in memory of their own. */
export const copy = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary({ name: "copy", wgsl: ([a]) => `${a}` }, x, (g) => g);
