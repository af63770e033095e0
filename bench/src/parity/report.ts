import { fitText, visibleText } from "@lobule/data";
import type { Check } from "./check.js";

/** The worst check of a fixture, and how many it has. */
export interface FixtureSummary {
  readonly fixture: string;
  readonly checks: number;
  readonly missed: number;
  readonly worst: Check;
}

/** How near a check is to its limit; a failed one is beyond every other. */
const strain = ({ error, limit, ok }: Check): number => (ok ? (error === 0 ? 0 : error / limit) : Infinity);

/** One row a fixture, in the order in which they come. */
export function summarize(checks: readonly Check[]): FixtureSummary[] {
  const byFixture = new Map<string, Check[]>();
  for (const each of checks) byFixture.set(each.fixture, [...(byFixture.get(each.fixture) ?? []), each]);
  return [...byFixture].map(([fixture, all]) => ({
    fixture,
    checks: all.length,
    missed: all.filter(({ ok }) => !ok).length,
    worst: all.reduce((worst, each) => (strain(each) > strain(worst) ? each : worst)),
  }));
}

/** Failed checks that are listed one by one. */
const listedFailures = 20;

const widths = { fixture: 42, tensor: 16, number: 7 } as const;

const number = (value: number): string =>
  (value === 0 ? "0" : Number.isNaN(value) ? "–" : value.toExponential(1)).padStart(widths.number);

const line = (fixture: string, tensor: string, error: string, limit: string, ok: string): string =>
  [fitText(fixture, widths.fixture), fitText(tensor, widths.tensor), error, limit, ok].join(" ");

/** The worst tensor of each fixture, 80 columns wide; below, every check that missed its limit, and the verdict. */
export function table(checks: readonly Check[]): string {
  const rows = summarize(checks).map(({ fixture, worst }) =>
    line(fixture, worst.tensor, number(worst.error), number(worst.limit), worst.ok ? "ok" : "MISS"),
  );
  const missed = checks.filter(({ ok }) => !ok);
  const details = missed.slice(0, listedFailures).map(({ fixture, tensor, error, limit, problem }) => {
    const what = problem ?? `error ${error.toExponential(2)} is over the limit ${limit.toExponential(2)}`;
    return visibleText(`${fixture}: ${tensor}: ${what}`);
  });
  const more = missed.length > listedFailures ? [`… and ${missed.length - listedFailures} more`] : [];
  return [
    line("fixture", "worst tensor", "error".padStart(widths.number), "limit".padStart(widths.number), "ok"),
    ...rows,
    "",
    ...details,
    ...more,
    verdict(checks),
  ].join("\n");
}

export function verdict(checks: readonly Check[]): string {
  const missed = checks.filter(({ ok }) => !ok).length;
  const fixtures = new Set(checks.map(({ fixture }) => fixture)).size;
  return missed === 0
    ? `all ${checks.length} checks in ${fixtures} fixtures are within their limits`
    : `${missed} of ${checks.length} checks in ${fixtures} fixtures missed their limits`;
}
