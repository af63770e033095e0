import { DataError, readJson } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { BenchError } from "./bench-error.js";
import { type EarlierFile, parseBenchFile } from "./bench-files.js";

/** @throws BenchError when the file is no result of a benchmark. */
export async function readBenchFile(path: string): Promise<EarlierFile> {
  const value = await readJson(nodeStorage, path, "record").catch((error: unknown) => {
    throw error instanceof DataError ? new BenchError(`${error.message}; give a file that bench --out wrote`) : error;
  });
  return parseBenchFile(value, path);
}
