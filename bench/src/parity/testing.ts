import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Check } from "./check.js";
import { type ParityOptions, runParity } from "./run-parity.js";

/** The folder of the reference numbers. */
export const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));

/** Filters that together name every fixture once; each compiles kernels of its own. */
const folders = readdirSync(fixtures).filter((name) => /^(net|train)_/.test(name));
const parts = ["ops", ...folders, "schedulers", "metrics"].filter(
  (name, _, all) => !all.some((other) => other !== name && name.includes(other)),
);

const gated = /^net_(attention|gate|plus)/;
const ofReference = /^(ops|net_F|train_|schedulers|metrics)/;

/** Parts that one file tests, so that a file is quick: the reference system, networks with gates, all other networks. */
const partsOf = {
  reference: parts.filter((part) => ofReference.test(part)),
  gates: parts.filter((part) => gated.test(part)),
  blocks: parts.filter((part) => !ofReference.test(part) && !gated.test(part)),
} as const;

export const missed = (checks: readonly Check[]): string[] =>
  checks
    .filter(({ ok }) => !ok)
    .map(({ fixture, tensor, problem }) => `${fixture}: ${tensor}${problem === undefined ? "" : `: ${problem}`}`);

/** A device for the tests of a file. */
export function deviceOfFile(): () => Device {
  let device: Device | undefined;
  beforeAll(async () => {
    device = await Device.open(await openGpu(), { validate: true });
  });
  afterAll(() => device?.destroy());
  return () => {
    if (device === undefined) throw new Error("the device is opened before the tests");
    return device;
  };
}

/**
 * Tests fixtures, a test each part.
 * @param of which parts; all where it is left out.
 * @param further looks at all checks of the run.
 */
export function testFixtures(
  device: () => Device,
  options: ParityOptions,
  of?: keyof typeof partsOf,
  further: (checks: readonly Check[]) => void = () => undefined,
): void {
  const all: Check[] = [];
  test.for(of === undefined ? parts : partsOf[of])("%s is within its limits", async (filter, context) => {
    context.skip(options.precision === "f16" && !device().hasF16, "adapter lacks shader-f16");
    const checks = await runParity(device(), fixtures, { ...options, filter });
    expect(checks.length).toBeGreaterThan(0);
    expect(missed(checks)).toEqual([]);
    all.push(...checks);
  });

  test("there are hundreds of checks", (context) => {
    context.skip(options.precision === "f16" && !device().hasF16, "adapter lacks shader-f16");
    expect(all.length).toBeGreaterThan(of === undefined ? 1000 : 300);
    further(all);
  });
}
