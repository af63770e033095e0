/** A setting that cannot be used; one sentence says which, what was expected and what was found. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
