/** Runs that cannot be compared; one sentence says why and what to do. */
export class ComparisonError extends Error {
  override readonly name = "ComparisonError";
}
