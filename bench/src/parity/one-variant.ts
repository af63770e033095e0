import { type ConvolutionVariant, candidateVariants, type Device, type TunedKernels } from "@lobule/tensor";

/**
 * Kernels of one variant wherever there is such; elsewhere the adapter's default. The tiled one, for GPUs and many channels,
 * is taken on software adapters and for few channels too.
 */
export function oneVariant(variant: ConvolutionVariant, { reduction }: Device): TunedKernels {
  if (variant === "tiled") {
    return { reduction: "parallel", fastest: ({ family }) => (family === "conv3x3" ? variant : undefined) };
  }
  // Also for GPUs, but software adapters run them.
  const on = /^(vector|tall)/.test(variant) ? "parallel" : reduction;
  return {
    reduction: on,
    fastest: (call) => (candidateVariants(call, on).includes(variant) ? variant : undefined),
  };
}
