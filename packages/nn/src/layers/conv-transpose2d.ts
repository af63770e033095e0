import { addBias, convTranspose2x2, type Image, type Variable } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes of a {@link ConvTranspose2d}. */
export interface ConvTranspose2dOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  /** Whether a bias is added; true by default. */
  readonly bias?: boolean;
  readonly scope?: Scope;
}

/**
 * Transposed convolution with kernel 2 and stride 2: doubles height and width. x [n, in, h, w] → [n, out, 2h, 2w].
 *
 * weight [in, out, 2, 2] (input channels first, as PyTorch) and bias [out] start from U(−b, b), b = 1/√(4·out).
 */
export class ConvTranspose2d<const In extends number, const Out extends number> extends Module {
  readonly weight: Variable<readonly [In, Out, 2, 2]>;
  readonly bias: Variable<readonly [Out]> | undefined;

  constructor({ inChannels, outChannels, bias = true, scope = new Scope() }: ConvTranspose2dOptions<In, Out>) {
    super();
    // PyTorch takes the second axis of the weight for the fan-in, which here is the output's.
    const fanIn = outChannels * 4;
    this.weight = scope.uniform("weight", [inChannels, outChannels, 2, 2] as const, fanIn);
    this.bias = bias ? scope.uniform("bias", [outChannels] as const, fanIn) : undefined;
  }

  /** @throws ShapeError when x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Out> {
    const output = convTranspose2x2(x, this.weight);
    return this.bias === undefined ? output : addBias(output, this.bias);
  }
}
