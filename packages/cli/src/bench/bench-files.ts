import { readFile } from "node:fs/promises";
import { BenchError } from "./bench-error.js";
import type { EarlierTiming, Timing } from "./timing.js";

/** What a benchmark writes with --out, and reads with --compare. */
export interface BenchFile {
  readonly format: "lobule-bench-1";
  readonly benchmark: string;
  readonly adapter: string;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly timings: readonly Timing[];
  readonly details: unknown;
}

/** What of such a file is compared. */
export interface EarlierFile {
  readonly adapter: string;
  readonly timings: readonly EarlierTiming[];
}

const isTiming = (value: unknown): value is EarlierTiming => {
  if (typeof value !== "object" || value === null) return false;
  const { name, milliseconds, spread } = value as Partial<EarlierTiming>;
  return (
    typeof name === "string" &&
    Number.isFinite(milliseconds) &&
    Array.isArray(spread) &&
    spread.length === 2 &&
    spread.every(Number.isFinite)
  );
};

/** @throws BenchError when the file is no result of a benchmark. */
export async function readBenchFile(path: string): Promise<EarlierFile> {
  const text = await readFile(path, "utf8").catch(() => {
    throw new BenchError(`${path}: cannot be read; give a file that 'lobule bench --out' wrote`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BenchError(`${path}: is no JSON; give a file that 'lobule bench --out' wrote`);
  }
  const { format, adapter, timings } = (value ?? {}) as Partial<BenchFile>;
  if (format !== "lobule-bench-1" || typeof adapter !== "string" || !Array.isArray(timings) || !timings.every(isTiming))
    throw new BenchError(`${path}: is no result of a benchmark; give a file that 'lobule bench --out' wrote`);
  return { adapter, timings };
}
