import { addBias, conv1x1, conv3x3, type Image, ShapeError, type Tensor, type Variable } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes of a {@link Conv2d}. */
export interface Conv2dOptions<In extends number, Out extends number, K extends 1 | 3> {
  readonly inChannels: In;
  readonly outChannels: Out;
  /** Side of the kernel; 3 pads by one pixel, so that height and width stay. */
  readonly kernelSize: K;
  /** Whether a bias is added; true by default. */
  readonly bias?: boolean;
  readonly scope?: Scope;
}

/**
 * 3×3 (padding 1) or 1×1 convolution with stride 1. x [n, in, h, w] → [n, out, h, w].
 *
 * weight [out, in, k, k] and bias [out] start from U(−b, b), b = 1/√(in·k²).
 */
export class Conv2d<const In extends number, const Out extends number, const K extends 1 | 3> extends Module {
  readonly kernelSize: K;
  readonly weight: Variable<readonly [Out, In, K, K]>;
  readonly bias: Variable<readonly [Out]> | undefined;

  constructor({ inChannels, outChannels, kernelSize, bias = true, scope = new Scope() }: Conv2dOptions<In, Out, K>) {
    super();
    const fanIn = inChannels * kernelSize * kernelSize;
    this.kernelSize = kernelSize;
    this.weight = scope.uniform("weight", [outChannels, inChannels, kernelSize, kernelSize] as const, fanIn);
    this.bias = bias ? scope.uniform("bias", [outChannels] as const, fanIn) : undefined;
  }

  /** @throws ShapeError when x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Out> {
    const output = convolve(x, this.weight);
    return this.bias === undefined ? output : addBias(output, this.bias);
  }
}

type Weight<Out extends number, In extends number, K extends number> = Tensor<readonly [Out, In, K, K], "f32">;

const hasSide = <Out extends number, In extends number, K extends number>(
  weight: Weight<Out, In, number>,
  side: K,
): weight is Weight<Out, In, K> => weight.shape[2] === side;

function convolve<In extends number, Out extends number>(x: Image<In>, weight: Weight<Out, In, number>): Image<Out> {
  if (hasSide(weight, 3)) return conv3x3(x, weight);
  if (hasSide(weight, 1)) return conv1x1(x, weight);
  throw new ShapeError(`Conv2d: a kernel's side must be 1 or 3, got ${weight.shape[2]}`);
}
