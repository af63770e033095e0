import { BenchError } from "./bench-error.js";
import { type Change, changes, type EarlierTiming, type Timing } from "./timing.js";

/** What a result depends on besides the adapter and the sizes, which are in the names of its timings. */
export interface ComparedSettings {
  readonly preset: string;
  readonly precision: string;
  readonly recompute: boolean;
}

/** What a benchmark writes with --out, and reads with --compare. */
export interface BenchFile {
  readonly format: "lobule-bench-1";
  readonly benchmark: string;
  readonly adapter: string;
  readonly environment: Readonly<Record<string, unknown>>;
  readonly settings: ComparedSettings & Readonly<Record<string, unknown>>;
  /** Ours. */
  readonly timings: readonly Timing[];
  /** Of what was run beside ours. */
  readonly beside: readonly Timing[];
  readonly details: unknown;
}

/** What of such a file is compared. */
export interface EarlierFile {
  readonly adapter: string;
  readonly settings: Partial<ComparedSettings>;
  /** Ours and others. */
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

/**
 * @param path names the file in messages.
 * @throws BenchError when the value of the file is no result of a benchmark.
 */
export function parseBenchFile(value: unknown, path: string): EarlierFile {
  const { format, adapter, settings, timings, beside = [] } = (value ?? {}) as Partial<BenchFile>;
  const all = Array.isArray(timings) && Array.isArray(beside) ? [...timings, ...beside] : undefined;
  if (format !== "lobule-bench-1" || typeof adapter !== "string" || !all?.every(isTiming))
    throw new BenchError(`${path}: is no result of a benchmark; give a file that bench --out wrote`);
  // Files of earlier versions say less.
  return { adapter, settings: settings ?? {}, timings: all };
}

/** What changed since an earlier result: of ours, which may have become slower, and of others. */
export interface Comparison {
  readonly ours: readonly Change[];
  readonly beside: readonly Change[];
}

/** @throws BenchError when the earlier result, at `path`, was measured on something else. */
export function checkComparable(
  before: EarlierFile,
  { adapter, settings }: Pick<BenchFile, "adapter"> & { readonly settings: ComparedSettings },
  path: string,
): void {
  if (before.adapter !== adapter) {
    throw new BenchError(`${path} was measured on another adapter (${before.adapter}); compare on the same one only`);
  }
  for (const name of ["preset", "precision", "recompute"] as const) {
    const [old, value] = [before.settings[name], settings[name]];
    if (old !== undefined && old !== value) {
      throw new BenchError(
        `${path} was measured with ${name} ${old}, this would be with ${value}; compare with the same only`,
      );
    }
  }
}

export const compareFiles = (before: EarlierFile, { timings, beside }: BenchFile): Comparison => ({
  ours: changes(before.timings, timings),
  beside: changes(before.timings, beside),
});
