import { addBias, type BlockSize, convTranspose2d, type Image, type Variable } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes of a {@link BlockConvTranspose2d}. */
export interface BlockConvTranspose2dOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  /** Rows and columns that a pixel becomes: kernel and stride. */
  readonly block: BlockSize;
  /** Whether a bias is added; true by default. */
  readonly bias?: boolean;
  readonly scope?: Scope;
}

/**
 * Transposed convolution whose stride is its kernel: each pixel becomes a block. x [n, in, h, w] →
 * [n, out, rows·h, columns·w].
 *
 * weight [in, out, rows, columns] (input channels first, as PyTorch) and bias [out] start from U(−b, b),
 * b = 1/√(out·rows·columns).
 */
export class BlockConvTranspose2d<const In extends number, const Out extends number> extends Module {
  readonly block: BlockSize;
  readonly weight: Variable<readonly [In, Out, number, number]>;
  readonly bias: Variable<readonly [Out]> | undefined;

  constructor({
    inChannels,
    outChannels,
    block,
    bias = true,
    scope = new Scope(),
  }: BlockConvTranspose2dOptions<In, Out>) {
    super();
    // PyTorch takes the second axis of the weight for the fan-in, which here is the output's.
    const fanIn = outChannels * block[0] * block[1];
    this.block = block;
    this.weight = scope.uniform("weight", [inChannels, outChannels, ...block] as const, fanIn);
    this.bias = bias ? scope.uniform("bias", [outChannels] as const, fanIn) : undefined;
  }

  /** @throws ShapeError when x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Out> {
    const output = convTranspose2d(x, this.weight, { stride: this.block });
    return this.bias === undefined ? output : addBias(output, this.bias);
  }
}
