import { DataError, readJson } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { BenchError } from "../bench-error.js";
import { cyclesByWork, type IsaResult, type IsaRow } from "./isa-bench.js";

/** What two results must have in common to be compared. */
export interface IsaSettings {
  readonly preset: string;
  readonly precision: string;
  readonly recompute: boolean;
  readonly batch: number;
  readonly size: number;
}

/** What `bench isa --out` writes. */
export interface IsaFile extends IsaResult {
  readonly format: "lobule-isa-1";
  readonly settings: IsaSettings;
}

/** What of such a file is compared. */
interface EarlierIsa {
  readonly family: string;
  readonly settings: Partial<IsaSettings>;
  readonly rows: readonly Pick<IsaRow, "work" | "cycles" | "spills">[];
}

const isRow = (value: unknown): value is EarlierIsa["rows"][number] => {
  if (typeof value !== "object" || value === null) return false;
  const { work, cycles, spills } = value as Partial<IsaRow>;
  return typeof work === "string" && Number.isFinite(cycles) && Number.isInteger(spills);
};

/** @throws BenchError when the file is none that `bench isa` wrote. */
export async function readIsaFile(path: string): Promise<EarlierIsa> {
  const value = await readJson(nodeStorage, path, "record").catch((error: unknown) => {
    throw error instanceof DataError
      ? new BenchError(`${error.message}; give a file that bench isa --out wrote`)
      : error;
  });
  const { format, family, settings, rows } = (value ?? {}) as Partial<IsaFile>;
  const fits = format === "lobule-isa-1" && typeof family === "string" && Array.isArray(rows) && rows.every(isRow);
  if (!fits) throw new BenchError(`${path}: is no result of bench isa; give a file that bench isa --out wrote`);
  return { family, settings: settings ?? {}, rows };
}

/** What became of the cycles since an earlier result. */
export interface IsaComparison {
  /** Of each kind of work that both have. */
  readonly work: readonly { readonly name: string; readonly before: number; readonly now: number }[];
  /** Whether the whole takes more cycles by over a hundredth, or registers spill where none did. */
  readonly worse: boolean;
}

/** @throws BenchError when the earlier result, at `path`, is of another family, network or size. */
export function checkSameIsa(
  before: EarlierIsa,
  { family, settings }: Pick<IsaFile, "family" | "settings">,
  path: string,
) {
  const [then, now] = [
    { family: before.family, ...before.settings },
    { family, ...settings },
  ];
  for (const name of ["family", "preset", "precision", "recompute", "batch", "size"] as const) {
    if (then[name] === now[name]) continue;
    throw new BenchError(
      `${path} is of ${name} ${then[name]}, this would be of ${now[name]}; compare with the same only`,
    );
  }
}

export function compareIsa(before: EarlierIsa, now: IsaResult): IsaComparison {
  const total = (rows: EarlierIsa["rows"], what: "cycles" | "spills"): number =>
    rows.reduce((sum, row) => sum + row[what], 0);
  const earlier = cyclesByWork(before.rows);
  const work = [...cyclesByWork(now.rows)].flatMap(([name, cycles]) => {
    const old = earlier.get(name);
    return old === undefined ? [] : [{ name, before: old, now: cycles }];
  });
  const all = { name: "all", before: total(before.rows, "cycles"), now: total(now.rows, "cycles") };
  const spilled = total(now.rows, "spills") > total(before.rows, "spills");
  return { work: [...work, all], worse: spilled || all.now > 1.01 * all.before };
}

/** "2.00 times fewer", or "more"; "as many" where two digits show no difference. */
function changeText(before: number, now: number): string {
  const times = (Math.max(before, now) / Math.min(before, now)).toFixed(2);
  if (before === now || times === "1.00") return "as many";
  return `${times} times ${now < before ? "fewer" : "more"}`;
}

/** Cycles before and now, of each kind of work. */
export const isaChangeTable = ({ work }: IsaComparison, path: string): string =>
  [
    `against ${path}, million cycles of a SIMD unit:`,
    ...work.map(
      ({ name, before, now }) =>
        `${name.padEnd(44)} ${(before / 1e6).toFixed(1).padStart(10)} → ${(now / 1e6).toFixed(1).padStart(10)}  ${changeText(before, now)}`,
    ),
  ].join("\n");
