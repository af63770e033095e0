import { hasQuads } from "@lobule/kernels-wgsl";
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
 * is taken on software adapters and for few channels too, with as much workgroup memory as the adapter has.
 */
export function oneVariant(
  variant: ConvolutionVariant,
  { reduction, workgroupMemory }: Pick<Device, "reduction"> & Partial<Pick<Device, "workgroupMemory">>,
): TunedKernels {
  if (variant === "tiled") {
    return {
      reduction: "parallel",
      ...(workgroupMemory !== undefined && { workgroupMemory }),
      fastest: ({ family, direction, input }) =>
        family === "conv3x3" && (direction === "grad-weight" || hasQuads(input)) ? variant : undefined,
    };
  }
  // Also for GPUs, but software adapters run them.
  const on = /^(vector|tall|winograd)/.test(variant) ? "parallel" : reduction;
  return {
    reduction: on,
    fastest: (call) => (candidateVariants(call, on).includes(variant) ? variant : undefined),
  };
}
