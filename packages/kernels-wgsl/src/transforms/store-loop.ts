import { hasFunction } from "./wgsl-text.js";

/**
 * A kernel's text with its stores in a loop. A file that has two functions `storeSums` and `storeSumsInLoop` with the same
 * parameters stores a block of channels with the one, a call a channel, so that the sums stay in registers on a GPU. For
 * compilers on the CPU the other is called: what is inlined into stores, 8 channels × 4 pixels of it, takes longer to compile
 * than all the rest, and a loop of it runs faster. Its bound is `sizes.blockChannels`, because a loop over a constant would
 * be unrolled, and it indexes a copy, because a variable index moves an array out of registers.
 */
export const withStoreLoop = (source: string): string =>
  hasFunction(source, "storeSumsInLoop") ? source.replace(/(?<!\bfn )\bstoreSums\(/g, "storeSumsInLoop(") : source;
