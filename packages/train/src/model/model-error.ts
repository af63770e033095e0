/** A model file that cannot be used; one sentence says why. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}
