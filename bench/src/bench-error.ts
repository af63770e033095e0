/** A benchmark that cannot be run or compared; one sentence says why and what to do. */
export class BenchError extends Error {
  override readonly name = "BenchError";
}
