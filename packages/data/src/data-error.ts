/**
 * Bad input. The message is one sentence for the user: which file, what was expected, what was found, what to do.
 */
export class DataError extends Error {
  override readonly name: string = "DataError";
}

/** A file with another number of channels than is expected. Its message is what was found and what to do in a data set. */
export class ChannelsError extends DataError {
  /**
   * @param finding which file holds how many, without what to do.
   * @param advice what to do where the file is of a data set.
   */
  constructor(
    readonly finding: string,
    readonly advice: string,
  ) {
    super(`${finding}; ${advice}`);
  }
}
