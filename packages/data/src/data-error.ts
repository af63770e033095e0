/**
 * Bad input. The message is one sentence for the user: which file, what was expected, what was found, what to do.
 */
export class DataError extends Error {
  override readonly name: string = "DataError";
}
