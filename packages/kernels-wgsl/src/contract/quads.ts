/** Pixels of a quad. */
export const quadPixels = 4;

/** Whether images of that width can be read by quads, four neighboring pixels of a row each; see contract/slots.ts. */
export const hasQuads = ({ width }: { readonly width: number }): boolean => width % quadPixels === 0;

/** The quads of a row. @throws RangeError naming the kernel where the width is no multiple of 4. */
export function quadsOf(kernel: string, { width }: { readonly width: number }): number {
  if (hasQuads({ width })) return width / quadPixels;
  throw new RangeError(`${kernel} reads four pixels at a time: width ${width} is no multiple of 4`);
}
