import {
  type ConvolutionVariant,
  candidateVariants,
  convolutionVariants,
  type Device,
  type TunedKernels,
} from "@lobule/tensor";

/** The variants that compute in f32 too: all but the one for matrix units. */
export const chosenVariants = convolutionVariants.filter((each) => each !== "matrix");

/**
 * Kernels of one variant wherever there is such; elsewhere the adapter's default. The tiled one, for GPUs and many channels,
 * is taken on software adapters and for few channels too.
 */
export function oneVariant(variant: ConvolutionVariant, { reduction }: Pick<Device, "reduction">): TunedKernels {
  if (variant === "tiled") {
    return { reduction: "parallel", fastest: ({ family }) => (family === "conv3x3" ? variant : undefined) };
  }
  // Also for GPUs, but software adapters run them.
  const on = /^(vector|tall|winograd)/.test(variant) ? "parallel" : reduction;
  return {
    reduction: on,
    fastest: (call) => (candidateVariants(call, on).includes(variant) ? variant : undefined),
  };
}
