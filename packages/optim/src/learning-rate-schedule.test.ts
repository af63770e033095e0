import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { learningRateFactor, type ScheduleKind } from "./learning-rate-schedule.js";

const kinds: ScheduleKind[] = ["plateau", "constant", "cosine", "polynomial"];

describe("learningRateFactor", () => {
  // torch.optim.lr_scheduler.CosineAnnealingLR(T_max=10) and PolynomialLR(total_iters=10, power=0.9), base rate 1.
  test.each([
    ["cosine", 0, 1],
    ["cosine", 1, 0.9755282581475768],
    ["cosine", 5, 0.5],
    ["cosine", 9, 0.02447174185242318],
    ["polynomial", 0, 1],
    ["polynomial", 1, 0.909532576082962],
    ["polynomial", 5, 0.5358867312681466],
    ["polynomial", 9, 0.12589254117941673],
  ] as const)("%s at step %i of 10 is PyTorch's", (schedule, step, expected) => {
    expect(learningRateFactor({ schedule, warmupSteps: 0, totalSteps: 10 }, step)).toBeCloseTo(expected, 12);
  });

  it.each(kinds)("%s rises linearly through the warm-up and starts from 1 after it", (schedule) => {
    const options = { schedule, warmupSteps: 4, totalSteps: 20 };
    expect([0, 1, 2, 3, 4].map((step) => learningRateFactor(options, step))).toEqual([0.25, 0.5, 0.75, 1, 1]);
  });

  it.each(kinds)("%s never rises after the warm-up and stays within 0 and 1", (schedule) => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(200), fc.nat(250), (warmupSteps, totalSteps, step) => {
        const options = { schedule, warmupSteps, totalSteps };
        const factor = learningRateFactor(options, step);
        expect(factor).toBeGreaterThanOrEqual(0);
        expect(factor).toBeLessThanOrEqual(1);
        if (step >= warmupSteps) expect(learningRateFactor(options, step + 1)).toBeLessThanOrEqual(factor);
      }),
    );
  });
});
