import { addBias, conv2d, type Image, type Variable } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes of a {@link StridedConv2d}; pairs are of rows, then of columns. */
export interface StridedConv2dOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  /** Extents of the kernel. */
  readonly kernelSize: readonly [height: number, width: number];
  /** Pixels of the image from one of the result to the next; [1, 1] by default. */
  readonly stride?: readonly [y: number, x: number];
  /** Whether a bias is added; true by default. */
  readonly bias?: boolean;
  readonly scope?: Scope;
}

/**
 * Convolution of any kernel and stride, padded by ⌊(kernel − 1)/2⌋ on each side, so that an odd kernel at stride 1 keeps
 * height and width. x [n, in, h, w] → [n, out, h', w'].
 *
 * weight [out, in, kh, kw] and bias [out] start from U(−b, b), b = 1/√(in·kh·kw).
 */
export class StridedConv2d<const In extends number, const Out extends number> extends Module {
  readonly stride: readonly [y: number, x: number];
  readonly padding: readonly [y: number, x: number];
  readonly weight: Variable<readonly [Out, In, number, number]>;
  readonly bias: Variable<readonly [Out]> | undefined;

  constructor({
    inChannels,
    outChannels,
    kernelSize: [height, width],
    stride = [1, 1],
    bias = true,
    scope = new Scope(),
  }: StridedConv2dOptions<In, Out>) {
    super();
    const fanIn = inChannels * height * width;
    this.stride = stride;
    this.padding = [Math.floor((height - 1) / 2), Math.floor((width - 1) / 2)];
    this.weight = scope.uniform("weight", [outChannels, inChannels, height, width] as const, fanIn);
    this.bias = bias ? scope.uniform("bias", [outChannels] as const, fanIn) : undefined;
  }

  /** @throws ShapeError when x does not have `inChannels` channels, or is smaller than the kernel. */
  forward(x: Image<In>): Image<Out> {
    const output = conv2d(x, this.weight, this);
    return this.bias === undefined ? output : addBias(output, this.bias);
  }
}
