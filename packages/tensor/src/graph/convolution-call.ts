import type { ConvolutionProblem } from "@lobule/kernels-wgsl";

/** A convolution kernel of a program, as far as it decides which variant is the fastest. */
export interface ConvolutionCall extends ConvolutionProblem {
  readonly family: "conv3x3" | "conv1x1" | "conv-transpose2x2";
  readonly direction: "forward" | "grad-input" | "grad-weight";
}

/**
 * plain: the readable one; see the kernel families for the others. `vector-2x` and `vector-4x` are weight gradients by `vector`
 * with so many times the workgroups and partial sums, `vector-ahead` one that asks for the next tile before it sums the present one.
 */
export const convolutionVariants = [
  "plain",
  "blocked",
  "serial",
  "subgroup",
  "tiled",
  "matrix",
  "vector",
  "tall",
  "winograd",
  "vector-2x",
  "vector-4x",
  "vector-ahead",
] as const;

/** The name of a variant of a convolution kernel. */
export type ConvolutionVariant = (typeof convolutionVariants)[number];
