import { hardswish, leakyRelu, relu, type Shape, silu, type Tensor } from "@lobule/tensor";

/** relu: max(x, 0); leaky-relu: slope 0.01 below 0, as PyTorch's; silu: x·σ(x); hardswish: x·min(max(x + 3, 0), 6)/6. */
export type Activation = "relu" | "leaky-relu" | "silu" | "hardswish";

const functions: Readonly<Record<Activation, <S extends Shape>(x: Tensor<S>) => Tensor<S, "f32">>> = {
  relu,
  "leaky-relu": (x) => leakyRelu(x, 0.01),
  silu,
  hardswish,
};

/** The activation, element by element. */
export const activate = <S extends Shape>(activation: Activation, x: Tensor<S>): Tensor<S, "f32"> =>
  functions[activation](x);
