import { type ConvolutionVariant, candidateVariants, type Device, type TunedKernels } from "@lobule/tensor";

/**
 * Kernels of one variant wherever there is such; elsewhere the adapter's default. The tiled one, for GPUs and many channels,
 * is taken on software adapters and for few channels too.
 */
export function oneVariant(variant: ConvolutionVariant, { reduction }: Device): TunedKernels {
  if (variant === "tiled") {
    return { reduction: "parallel", fastest: ({ family }) => (family === "conv3x3" ? variant : undefined) };
  }
  return {
    reduction,
    fastest: (call) => (candidateVariants(call, reduction).includes(variant) ? variant : undefined),
  };
}
