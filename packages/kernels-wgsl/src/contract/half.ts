const fractionSteps = 2 ** 10;

/** The bits of the half float nearest to a number, ties to even; what is too large becomes infinite. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65_520) return sign + 0x7c00;
  const exponent = Math.max(size === 0 ? -14 : Math.floor(Math.log2(size)), -14);
  const scaled = (size / 2 ** exponent) * fractionSteps; // 1024 … 2048, below for subnormal numbers
  const floor = Math.floor(scaled);
  const up = scaled - floor > 0.5 || (scaled - floor === 0.5 && floor % 2 === 1);
  return sign + (exponent + 14) * fractionSteps + floor + (up ? 1 : 0);
}

/** The value of a half float's bits. */
export function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (fractionSteps + fraction) * 2 ** (exponent - 25));
}

/** Numbers as the bits of half floats, the form in which a host array holds f16. */
export const toHalf = (values: ArrayLike<number>): Uint16Array => Uint16Array.from(values, halfBits);

/** The numbers that half floats stand for. */
export const fromHalf = (bits: ArrayLike<number>): Float32Array => Float32Array.from(bits, halfValue);
