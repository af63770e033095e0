import { applyPointwise } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import { asImage, broadcastShapes, type Shape } from "../shape.js";
import { sumToShape } from "./sum.js";

/** A WGSL literal of exactly this number. */
const literal = (value: number): string => {
  if (!Number.isFinite(value)) throw new RangeError(`a pointwise constant must be finite, got ${value}`);
  const text = String(Math.fround(value));
  return `f32(${text})`;
};

interface Unary<S extends Shape> {
  readonly name: string;
  readonly key?: string;
  readonly wgsl: (x: string) => string;
  /** The gradient with respect to x. */
  readonly gradient: (gradOutput: Tensor<S, "f32">, y: Tensor<S, "f32">, x: Tensor<S>) => Tensor;
}

function unary<const S extends Shape>(x: Tensor<S>, { wgsl, gradient, ...rest }: Unary<S>): Tensor<S, "f32"> {
  asImage(x.shape);
  return applyPointwise({
    ...rest,
    inputs: { x },
    shape: x.shape,
    wgsl: (args) => wgsl(args.x),
    gradient: (gradOutput, inputs, y) => ({ x: gradient(gradOutput, y, inputs.x) }),
  });
}

type Operands = Readonly<Record<"a" | "b", Tensor>>;

interface Binary {
  readonly name: string;
  readonly wgsl: (args: { readonly a: string; readonly b: string }) => string;
  /** The gradients with respect to a and b, before they are summed over what was broadcast. */
  readonly gradient: (gradOutput: Tensor, inputs: Operands, output: Tensor) => Operands;
}

/** An operation on two tensors; of the shape of both, where that is one. */
interface BinaryOperation {
  <S extends Shape>(a: Tensor<S, "f32">, b: Tensor<S, "f32">): Tensor<S, "f32">;
  (a: Tensor, b: Tensor): Tensor<Shape, "f32">;
}

function binary({ name, wgsl, gradient }: Binary): BinaryOperation {
  const applied = <S extends Shape>(inputs: Operands, shape: S): Tensor<S, "f32"> =>
    applyPointwise({
      name,
      inputs,
      shape,
      wgsl,
      gradient: (gradOutput, { a, b }, output) => {
        const gradients = gradient(gradOutput, { a, b }, output);
        return { a: sumToShape(gradients.a, a.shape), b: sumToShape(gradients.b, b.shape) };
      },
    });
  function operation<S extends Shape>(a: Tensor<S, "f32">, b: Tensor<S, "f32">): Tensor<S, "f32">;
  function operation(a: Tensor, b: Tensor): Tensor<Shape, "f32">;
  function operation(a: Tensor, b: Tensor): Tensor<Shape, "f32"> {
    const shape = broadcastShapes(name, a.shape, b.shape);
    asImage(shape);
    return applied({ a, b }, shape);
  }
  return operation;
}

/** a + b, with broadcasting. */
export const add = binary({
  name: "add",
  wgsl: ({ a, b }) => `(${a} + ${b})`,
  gradient: (g) => ({ a: g, b: g }),
});
/** a − b, with broadcasting. */
export const subtract = binary({
  name: "subtract",
  wgsl: ({ a, b }) => `(${a} - ${b})`,
  gradient: (g) => ({ a: g, b: negate(g) }),
});
/** a · b, with broadcasting. */
export const multiply: BinaryOperation = binary({
  name: "multiply",
  wgsl: ({ a, b }) => `(${a} * ${b})`,
  gradient: (g, { a, b }) => ({ a: multiply(g, b), b: multiply(g, a) }),
});
/** a / b, with broadcasting. */
export const divide: BinaryOperation = binary({
  name: "divide",
  wgsl: ({ a, b }) => `(${a} / ${b})`,
  gradient: (g, { b }, y) => ({ a: divide(g, b), b: negate(divide(multiply(g, y), b)) }),
});

/** −x. */
export const negate = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, { name: "negate", wgsl: (a) => `(-${a})`, gradient: (g) => negate(g) });

/** k · x for a number k that is baked into the kernel. */
export const scale = <S extends Shape>(x: Tensor<S>, k: number): Tensor<S, "f32"> =>
  unary(x, {
    name: "scale",
    key: String(k),
    wgsl: (a) => `(${a} * ${literal(k)})`,
    gradient: (g) => scale(g, k),
  });

/** x + k for a number k that is baked into the kernel. */
export const addScalar = <S extends Shape>(x: Tensor<S>, k: number): Tensor<S, "f32"> =>
  unary(x, { name: "add-scalar", key: String(k), wgsl: (a) => `(${a} + ${literal(k)})`, gradient: (g) => g });

/** max(x, 0); its gradient at 0 is 0, as PyTorch's. */
export const relu = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, {
    name: "relu",
    wgsl: (a) => `max(${a}, 0.0)`,
    gradient: (g, y) =>
      applyPointwise({
        name: "relu-grad",
        inputs: { g, y },
        shape: y.shape,
        wgsl: (args) => `select(0.0, ${args.g}, ${args.y} > 0.0)`,
      }),
  });

/** x where x > 0, else slope · x, for a positive slope that is baked into the kernel. Source: Maas et al. 2013. */
export function leakyRelu<S extends Shape>(x: Tensor<S>, slope = 0.01): Tensor<S, "f32"> {
  if (!(slope > 0)) throw new RangeError(`leakyRelu: the slope must be above 0, got ${slope}`);
  const leak = literal(slope);
  const key = String(slope);
  return unary(x, {
    name: "leaky-relu",
    key,
    wgsl: (a) => `select(${leak} * ${a}, ${a}, ${a} > 0.0)`,
    gradient: (g, y) =>
      applyPointwise({
        name: "leaky-relu-grad",
        key,
        inputs: { g, y },
        shape: y.shape,
        wgsl: (args) => `select(${leak} * ${args.g}, ${args.g}, ${args.y} > 0.0)`,
      }),
  });
}

/** 1 / (1 + e⁻ˣ). */
export const sigmoid = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, {
    name: "sigmoid",
    wgsl: (a) => `(1.0 / (1.0 + exp(-${a})))`,
    gradient: (g, y) =>
      applyPointwise({
        name: "sigmoid-grad",
        inputs: { g, y },
        shape: y.shape,
        wgsl: (args) => `(${args.g} * ${args.y} * (1.0 - ${args.y}))`,
      }),
  });

/** x · σ(x), the sigmoid linear unit, also called swish. Source: Elfwing et al. 2018. */
export const silu = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, {
    name: "silu",
    wgsl: (a) => `(${a} / (1.0 + exp(-${a})))`,
    gradient: (g, _, input) =>
      applyPointwise({
        name: "silu-grad",
        inputs: { g, x: input },
        shape: input.shape,
        wgsl: (args) => {
          const sigma = `(1.0 / (1.0 + exp(-${args.x})))`;
          return `(${args.g} * ${sigma} * (1.0 + ${args.x} * (1.0 - ${sigma})))`;
        },
      }),
  });

/**
 * x · min(max(x + 3, 0), 6) / 6. Its gradient is 0 up to −3, x/3 + ½ between, and 1 from 3 on.
 * Source: Howard et al. 2019, "Searching for MobileNetV3", section 5.2.
 */
export const hardswish = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, {
    name: "hardswish",
    wgsl: (a) => `(${a} * clamp(${a} + 3.0, 0.0, 6.0) / 6.0)`,
    gradient: (g, _, input) =>
      applyPointwise({
        name: "hardswish-grad",
        inputs: { g, x: input },
        shape: input.shape,
        wgsl: (args) => `(${args.g} * select(clamp(${args.x}, 0.0, 1.0), ${args.x} / 3.0 + 0.5, abs(${args.x}) < 3.0))`,
      }),
  });

/** eˣ. */
export const exp = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, { name: "exp", wgsl: (a) => `exp(${a})`, gradient: (g, y) => multiply(g, y) });
/** Natural logarithm. */
export const log = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, { name: "log", wgsl: (a) => `log(${a})`, gradient: (g, _, input) => divide(g, input) });

/** √x. */
export const sqrt = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, { name: "sqrt", wgsl: (a) => `sqrt(${a})`, gradient: (g, y) => scale(divide(g, y), 0.5) });

/** The same numbers in memory of their own. */
export const copy = <S extends Shape>(x: Tensor<S>): Tensor<S, "f32"> =>
  unary(x, { name: "copy", wgsl: (a) => a, gradient: (g) => g });
