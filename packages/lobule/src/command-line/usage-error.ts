/** Words on the command line that do not fit; one sentence says which, what was expected and what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
