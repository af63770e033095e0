/** One comparison with its limit. */
export interface Check {
  /** Which case of which fixture, as a path. */
  readonly fixture: string;
  /** What is compared, and how. */
  readonly tensor: string;
  readonly error: number;
  readonly limit: number;
  readonly ok: boolean;
  /** Why there is nothing to compare: a broken or missing file, a tensor that nothing checks. */
  readonly problem?: string;
}

export type Numbers = ArrayLike<number>;

/** A check that holds when the error is no larger than the limit; NaN never holds. */
export const check = (fixture: string, tensor: string, error: number, limit: number): Check => ({
  fixture,
  tensor,
  error,
  limit,
  ok: error <= limit,
});

/** A check that failed before there was anything to compare. */
export const failure = (fixture: string, tensor: string, problem: string): Check => ({
  fixture,
  tensor,
  error: Number.NaN,
  limit: 0,
  ok: false,
  problem,
});

/** max|got − expected|; NaN where either holds one or the lengths differ. */
export function largestDifference(got: Numbers, expected: Numbers): number {
  if (got.length !== expected.length) return Number.NaN;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((got[i] as number) - (expected[i] as number));
    if (!(difference <= largest)) largest = difference;
    if (Number.isNaN(largest)) return largest;
  }
  return largest;
}

export const largestMagnitude = (values: Numbers): number => {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] as number));
  return largest;
};

/** max|got − expected| / max|expected|; the plain difference where everything expected is 0. */
export function relativeDifference(got: Numbers, expected: Numbers): number {
  return largestDifference(got, expected) / (largestMagnitude(expected) || 1);
}

/** ‖got − expected‖ / ‖expected‖ over all pairs together; the plain norm where everything expected is 0. */
export function relativeL2(pairs: Iterable<readonly [got: Numbers, expected: Numbers]>): number {
  let [difference, norm] = [0, 0];
  for (const [got, expected] of pairs) {
    if (got.length !== expected.length) return Number.NaN;
    for (let i = 0; i < expected.length; i++) {
      difference += ((got[i] as number) - (expected[i] as number)) ** 2;
      norm += (expected[i] as number) ** 2;
    }
  }
  return Math.sqrt(difference / (norm || 1));
}
