import { referenceSpec, UNet } from "@lobule/nn";
import { PlanError } from "@lobule/tensor";
import { describe, expect, test } from "vitest";
import { ConfigError } from "./config-error.js";
import { requireRoom, requireStorable, requireWholeSlices, validatedAtOnce } from "./size-check.js";
import { resolveConfig } from "./training-config.js";

const networkOf = (baseFeatures: number, depth: number) =>
  new UNet({ ...referenceSpec, baseFeatures, depth, inChannels: 1, classes: 3, seed: 0 });

describe("a network is counted before memory is taken for it", () => {
  const attempt =
    (baseFeatures: number, depth: number, changes: Readonly<Record<string, unknown>> = {}) =>
    () =>
      requireStorable(networkOf(baseFeatures, depth), resolveConfig(null, { data: "d", baseFeatures, depth }, changes));

  test("one whose checkpoint cannot be read back is refused at once, with the numbers", { timeout: 5000 }, () => {
    expect(attempt(1024, 4)).toThrow(ConfigError);
    expect(attempt(1024, 4)).toThrow(
      "a network of 8,387,838,983 parameters is too large: its checkpoint would take 95,992 MiB, and 4,096 MiB is the most; use fewer --base-features than 1024, or less --depth than 4",
    );
    expect(attempt(4096, 6)).toThrow(/is too large/);
  });

  test("what is kept of each parameter counts: moments and averages", () => {
    attempt(185, 4, { optimizer: { kind: "sgd" } })();
    attempt(185, 4)();
    expect(attempt(185, 4, { ema: 0.99 })).toThrow(/parameters is too large/);
    expect(attempt(256, 4)).toThrow(/parameters is too large/);
    expect(attempt(256, 4, { optimizer: { kind: "sgd" } })).not.toThrow();
  });
});

describe("a step is measured by its plan", () => {
  const extents = { height: 8, width: 8, batch: 32 };
  /** A step takes 100 bytes a slice; the adapter takes so many slices. */
  const plan = (slices: number) => ({ peakBytes: 100 * slices });
  const adapter = (most: number) => ({
    check: ({ peakBytes }: { readonly peakBytes: number }) => {
      if (peakBytes > 100 * most) throw new PlanError("too large");
    },
  });

  test("what fits takes so many bytes", async () => {
    expect(await requireRoom(plan, 32, { device: adapter(40), memory: 4000 }, extents)).toBe(3200);
  });

  test.each([
    ["the adapter", { device: adapter(5) }, /^32 slices of 8×8 .* \(too large\); use --batch 5, or --micro-batch 5/],
    ["the memory", { device: adapter(99), memory: 199 }, /\(a step takes .* has 1 MiB\); use --batch 1,/],
    ["no slice", { device: adapter(0) }, /^not even one slice of 8×8 fits this adapter/],
  ])("what is more than %s allows is refused, with the batch that fits", async (_what, room, message) => {
    const attempt = requireRoom(plan, 32, room, extents);
    await expect(attempt).rejects.toThrow(PlanError);
    await expect(attempt).rejects.toThrow(message);
  });

  test("whole slices are validated where a step sees patches of them, and have to fit as well", () => {
    const [patch, whole] = [
      { width: 8, height: 8 },
      { width: 32, height: 16 },
    ];
    expect([validatedAtOnce(32, patch, whole), validatedAtOnce(4, patch, whole)]).toEqual([4, 1]);
    expect(validatedAtOnce(32, whole, patch)).toBe(32);
    requireWholeSlices(plan, 4, { device: adapter(4) }, whole);
    expect(() => requireWholeSlices(plan, 4, { device: adapter(3) }, whole)).toThrow(
      "patches fit this adapter, but validation sees whole slices, and 4 of 16×32 at once do not (too large); use a coarser --spacing or fewer --base-features",
    );
  });

  test("a signal ends it between two plans", async () => {
    const controller = new AbortController();
    const planned: number[] = [];
    const stopping = (slices: number) => {
      planned.push(slices);
      controller.abort(new Error("stopped"));
      return plan(slices);
    };
    const room = { device: adapter(5), signal: controller.signal };
    await expect(requireRoom(stopping, 32, room, extents)).rejects.toThrow("stopped");
    expect(planned).toEqual([32]);
  });
});
