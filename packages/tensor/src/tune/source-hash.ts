import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";
import { convolutionKernel } from "../ops/convolution-kernels.js";

const known = new Map<string, string>();

/** FNV-1a of 32 bits, over UTF-16 units. Source: Fowler, Noll, Vo, "FNV hash history". */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * A short name of the WGSL of a call's variants: it changes when one of them does.
 * @param memory bytes of workgroup memory that they may use.
 */
export function sourceHash(
  call: ConvolutionCall,
  variants: readonly ConvolutionVariant[],
  memory: number | undefined,
): string {
  const { family, direction, input, outChannels } = call;
  const key = `${family} ${direction} ${input.channels} ${outChannels} ${variants.join()} ${memory}`;
  let hash = known.get(key);
  if (hash === undefined) {
    const text = variants.map((variant) => convolutionKernel(call, variant, { memory }).source).join("\0");
    hash = `${fnv1a(text).toString(16).padStart(8, "0")}-${text.length}`;
    known.set(key, hash);
  }
  return hash;
}
