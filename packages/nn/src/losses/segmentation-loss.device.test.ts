import { readFile } from "node:fs/promises";
import { openGpu } from "@lobule/node";
import { compile, Device, gradients, Variable } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SegmentationLossSpec, segmentationLoss } from "./segmentation-loss.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu());
});
afterAll(() => device.destroy());

/** What tools/oracle/losses_and_optimizers.py computed with PyTorch. */
interface Oracle {
  readonly shape: readonly [number, number, number, number];
  readonly logits: readonly number[];
  readonly target: readonly number[];
  readonly dice: readonly number[];
  readonly cases: readonly {
    readonly spec: SegmentationLossSpec;
    readonly loss: number;
    readonly gradient: readonly number[];
  }[];
}
const oracle: Oracle = JSON.parse(
  await readFile(new URL("../../../../tools/oracle/fixtures/losses.json", import.meta.url), "utf8"),
);
const [batch, , height, width] = oracle.shape;

/** The loss, its terms and the gradient by the logits. */
async function evaluated(spec: SegmentationLossSpec) {
  const logits = new Variable("logits", oracle.shape, Float32Array.from(oracle.logits), "parameter");
  const program = compile({
    inputs: { target: { shape: [batch, height, width], dtype: "u32" } },
    build: ({ target }) => {
      const { loss, pixelLoss, overlapLoss, dice } = segmentationLoss(logits, target, spec);
      const [gradient = logits] = gradients(loss, [logits]);
      return { outputs: { loss, pixelLoss, overlapLoss, dice, gradient } };
    },
  });
  const loaded = await program.load(device);
  await loaded.run({ target: Uint32Array.from(oracle.target) });
  const [loss, pixelLoss, overlapLoss, dice, gradient] = await Promise.all(
    (["loss", "pixelLoss", "overlapLoss", "dice", "gradient"] as const).map((name) => loaded.read(name)),
  );
  loaded.destroy();
  return { loss: loss?.[0], pixelLoss: pixelLoss?.[0], overlapLoss: overlapLoss?.[0], dice, gradient };
}

const largestDifference = (got: ArrayLike<number> | undefined, expected: readonly number[]): number =>
  Math.max(...expected.map((value, i) => Math.abs((got?.[i] ?? Number.NaN) - value)));

describe("PyTorch's numbers", () => {
  test.each(oracle.cases.map((each) => [JSON.stringify(each.spec), each] as const))("%s", async (_name, each) => {
    const got = await evaluated(each.spec);
    expect(Math.abs((got.loss ?? Number.NaN) - each.loss)).toBeLessThan(2e-6);
    expect(largestDifference(got.gradient, each.gradient)).toBeLessThan(1e-6);
    // Dice scores do not depend on the loss, but for what is added to them.
    expect(largestDifference(got.dice, oracle.dice)).toBeLessThan(1e-5);
  });

  test("every kind of loss is among them", () => {
    const kinds: Record<SegmentationLossSpec["kind"], true> = {
      "dice-ce": true,
      "weighted-dice-ce": true,
      focal: true,
      "dice-focal": true,
      "top-k-dice-ce": true,
      "generalized-dice-ce": true,
      tversky: true,
      "boundary-ce": true,
    };
    expect(new Set(oracle.cases.map(({ spec }) => spec.kind))).toEqual(new Set(Object.keys(kinds)));
  });
});

describe("the terms", () => {
  test("Tversky with a half for both is the Dice loss, to the bit", async () => {
    const dice = await evaluated({ kind: "dice-ce", lambdaCrossEntropy: 0, smooth: 2e-5 });
    const tversky = await evaluated({ kind: "tversky", alpha: 0.5, beta: 0.5 });
    expect(tversky).toEqual(dice);
  });

  test("focal and boundary losses are their pixel term alone, Tversky its overlap term alone", async () => {
    for (const kind of ["focal", "boundary-ce"] as const) {
      const { loss, pixelLoss } = await evaluated({ kind });
      expect(loss).toBe(pixelLoss);
    }
    const { loss, overlapLoss } = await evaluated({ kind: "tversky" });
    expect(loss).toBe(overlapLoss);
  });
});

test("class weights that do not fit the classes", async () => {
  const wrong = { classWeights: [1, 2] } as const;
  for (const kind of ["weighted-dice-ce", "focal", "dice-focal", "boundary-ce"] as const) {
    await expect(evaluated({ kind, ...wrong })).rejects.toThrow(
      `2 class weights are given for logits [${oracle.shape.join(", ")}]`,
    );
  }
});
