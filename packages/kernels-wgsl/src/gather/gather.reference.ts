/** output[i] = table[i] = 0xffffffff ? 0 : source[table[i]]. */
export const gatherReference = (source: ArrayLike<number>, table: Uint32Array): Float64Array =>
  Float64Array.from(table, (from) => (from === 0xffff_ffff ? 0 : (source[from] as number)));
