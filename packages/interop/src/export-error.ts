import { DataError } from "@lobule/data";

/** A network that cannot be written in another format; one sentence says what stands in the way and what to do. */
export class ExportError extends DataError {
  override readonly name = "ExportError";
}
