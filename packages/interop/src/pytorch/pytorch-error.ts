import { DataError, visibleText } from "@lobule/data";

/** A PyTorch file that cannot be read or whose weights do not fit; one sentence says why and what to do. */
export class PytorchError extends DataError {
  override readonly name = "PytorchError";
}

/** Text of a file, short enough for a message and on one line. */
export const brief = (text: string): string => visibleText(text.length > 60 ? `${text.slice(0, 60)}…` : text);
