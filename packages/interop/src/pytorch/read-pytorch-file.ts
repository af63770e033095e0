import { readBytes, type Storage } from "@lobule/data";
import { PytorchError } from "./pytorch-error.js";
import { type PytorchFile, readPytorch } from "./read-pytorch.js";

/** {@link readPytorch} of a file. @throws PytorchError naming it; FileReadError when it cannot be read. */
export async function readPytorchFile(storage: Storage, path: string): Promise<PytorchFile> {
  const bytes = await readBytes(storage, path, "tensors");
  try {
    return readPytorch(bytes);
  } catch (error) {
    throw error instanceof PytorchError ? new PytorchError(`${path}: ${error.message}`) : error;
  }
}
