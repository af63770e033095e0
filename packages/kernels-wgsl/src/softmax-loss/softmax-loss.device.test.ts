import { beforeAll, describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "../contract/half.js";
import { KernelDeclarationError } from "../contract/kernel.js";
import { directionalDerivative, expectClose, randomArray, relativeL2 } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { type HostArray, runKernel } from "../testing/runner.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { type SoftmaxLossCase, softmaxLossCases } from "./softmax-loss.cases.js";
import { softmaxLoss } from "./softmax-loss.js";
import { softmaxLossReference } from "./softmax-loss.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

const upstream = 0.7;
const norm = (array: ArrayLike<number>): number => relativeL2(array, new Float64Array(array.length));

function arraysOf({ problem, options, scale, labels: kind, weights }: SoftmaxLossCase) {
  const { batch, classes, height, width } = problem;
  const pixels = height * width;
  const random = randomArray(batch * classes * pixels, 1, scale);
  const logits = options.activation === "none" ? random.map((value) => 1 / (1 + Math.exp(-value))) : random;
  const labels = Uint32Array.from(randomArray(batch * pixels, 2), (value, at) => {
    const [x, y] = [at % width, Math.floor(at / width)];
    if (kind === "blocks") return (Math.floor(x / 7) + Math.floor(y / 6)) % classes;
    const label = Math.floor(Math.abs(value) * 1000) % classes;
    if (kind === "background") return 0;
    if (kind === "all-foreign") return 255;
    if (kind === "absent") return label % (classes - 1);
    return kind === "foreign" && label === 1 ? 0xffff_ffff : label;
  });
  const ones = Array<number>(classes).fill(1);
  const classWeights = Float32Array.from([...(weights?.[0] ?? ones), ...(weights?.[1] ?? ones)]);
  return { logits, labels, classWeights };
}

/** All three kernels; the logits are f16 where a Uint16Array holds them. */
async function runLoss(each: SoftmaxLossCase, logits: HostArray = arraysOf(each).logits, scale = upstream) {
  const { problem, options } = each;
  const { batch, classes } = problem;
  const kernels = softmaxLoss(problem, options, each.byQuads);
  const storage = logits instanceof Uint16Array ? "f16" : "f32";
  const stored = (kernel: typeof kernels.sums) => ({ ...kernel, source: withStorageType(kernel.source, storage) });
  const { labels, classWeights } = arraysOf(each);
  const input = { logits, labels, classWeights };
  const partials = new Float32Array(kernels.partials);
  const sums = await runKernel(device, stored(kernels.sums), { ...input, partials }, ["partials"]);
  const outputs = { result: new Float32Array(8), dice: new Float32Array(batch * classes) };
  const finished = await runKernel(
    device,
    kernels.finish,
    {
      ...sums,
      classWeights,
      ...(kernels.pooled === undefined ? {} : { pooled: new Float32Array(kernels.pooled) }),
      ...outputs,
      coefficients: new Float32Array(2 * batch * classes),
    },
    ["result", "dice", "coefficients"],
  );
  const gradLogits = storage === "f16" ? new Uint16Array(logits.length) : new Float32Array(logits.length);
  const { result, dice, coefficients } = finished;
  const gradient = await runKernel(
    device,
    stored(kernels.gradient),
    { ...input, result, coefficients, upstream: Float32Array.of(scale), gradLogits },
    ["gradLogits"],
  );
  return { result, dice, gradLogits: gradient.gradLogits };
}

test("reference, by hand: two pixels, two classes", () => {
  const each = softmaxLossCases.find(({ why }) => why === "Dice-CE") as SoftmaxLossCase;
  const problem = { batch: 1, classes: 2, height: 1, width: 2 };
  // p = (3/4, 1/4) and (1/2, 1/2), labels 0 and 1. Class 0: I 3/4, P 5/4, T 1; class 1: I 1/2, P 3/4, T 1.
  const logits = [Math.log(3), 0, 0, 0];
  const { pixelLoss, dice } = softmaxLossReference(logits, [0, 1], [1, 1, 1, 1], problem, {
    ...each.options,
    smooth: 0,
  });
  expect(pixelLoss).toBeCloseTo((Math.log(4 / 3) + Math.log(2)) / 2, 12);
  expect(dice[0]).toBeCloseTo(1.5 / 2.25, 12);
  expect(dice[1]).toBeCloseTo(1 / 1.75, 12);
});

test("reference, by hand: Tversky", () => {
  const each = softmaxLossCases.find(({ why }) => why === "Tversky") as SoftmaxLossCase;
  const problem = { batch: 1, classes: 2, height: 1, width: 2 };
  // As above. Class 0: I 3/4, FP 1/2, FN 1/4; class 1: I 1/2, FP 1/4, FN 1/2.
  const { diceLoss } = softmaxLossReference([Math.log(3), 0, 0, 0], [0, 1], [1, 1, 1, 1], problem, {
    ...each.options,
    smooth: 0,
  });
  const [first, second] = [0.75 / (0.75 + 0.3 * 0.5 + 0.7 * 0.25), 0.5 / (0.5 + 0.3 * 0.25 + 0.7 * 0.5)];
  expect(diceLoss).toBeCloseTo(1 - (first + second) / 2, 12);
});

test("reference, by hand: batch Dice and generalized Dice", () => {
  const each = softmaxLossCases.find(({ why }) => why === "Dice") as SoftmaxLossCase;
  const lossOf = (overlap: SoftmaxLossCase["options"]["overlap"], problem: SoftmaxLossCase["problem"]) => {
    const logits = [Math.log(3), 0, 0, 0, 0, 0];
    const options = { ...each.options, smooth: 0, overlap };
    return softmaxLossReference(logits, [0, 0, 1], [1, 1, 1, 1], problem, options).diceLoss;
  };
  // Three images of a pixel: p = (3/4, 1/4), (1/2, 1/2), (1/2, 1/2), labels 0, 0, 1.
  // Together: class 0 has I 5/4, P 7/4, T 2; class 1 I 1/2, P 5/4, T 1.
  const images = { batch: 3, classes: 2, height: 1, width: 1 };
  const byClass = [2.5 / 3.75, 1 / 2.25] as const;
  expect(lossOf({ of: "class", over: "batch" }, images)).toBeCloseTo(1 - (byClass[0] + byClass[1]) / 2, 12);
  // Weights 1/4 and 1.
  const together = (0.25 * 2.5 + 1) / (0.25 * 3.75 + 2.25);
  expect(lossOf({ of: "all-classes", over: "batch" }, images)).toBeCloseTo(1 - together, 12);
});

test("reference, by hand: of three pixels in a row the two beside the boundary weigh more", () => {
  const each = softmaxLossCases.find(({ why }) => why === "boundaries, one pixel wide") as SoftmaxLossCase;
  const problem = { batch: 1, classes: 2, height: 1, width: 3 };
  // −log p of the labels 0, 0, 1: log 4/3, log 2, log 4; weights 1, 11, 11.
  const logits = [Math.log(3), 0, Math.log(3), 0, 0, 0];
  const { pixelLoss } = softmaxLossReference(logits, [0, 0, 1], [1, 1, 1, 1], problem, each.options);
  expect(pixelLoss).toBeCloseTo((Math.log(4 / 3) + 11 * Math.log(2) + 11 * Math.log(4)) / 23, 12);
});

test("too many classes, a pixel term on probabilities, and a radius that is too large", () => {
  const { options } = softmaxLossCases[0] as SoftmaxLossCase;
  const problem = { batch: 1, classes: 17, height: 1, width: 1 };
  expect(() => softmaxLoss(problem, options)).toThrow(KernelDeclarationError);
  expect(() => softmaxLoss({ ...problem, classes: 3 }, { ...options, activation: "none" })).toThrow("Dice term only");
  const far = { ...options, boundary: { radius: 9, weight: 1 } };
  expect(() => softmaxLoss({ ...problem, classes: 3 }, far)).toThrow("whole numbers from 0 to 8 are possible");
});

test("by quads: a width that is no multiple of 4, and pixels that look around", () => {
  const { options } = softmaxLossCases[0] as SoftmaxLossCase;
  const problem = { batch: 1, classes: 3, height: 2, width: 6 };
  expect(() => softmaxLoss(problem, options, true)).toThrow("a width of 6 and a boundary radius of 0");
  const around = { ...options, boundary: { radius: 1, weight: 2 } };
  expect(() => softmaxLoss({ ...problem, width: 8 }, around, true)).toThrow("a width of 8 and a boundary radius of 1");
});

describe.each(softmaxLossCases)("$why", (each) => {
  const { problem, options } = each;
  const { logits, labels, classWeights } = arraysOf(each);
  const lossOf = (point: ArrayLike<number>) => softmaxLossReference(point, labels, classWeights, problem, options);

  test("loss, scores and the same bits twice", async () => {
    const { result, dice, gradLogits } = await runLoss(each);
    const { loss, pixelLoss, diceLoss, dice: scores } = lossOf(logits);
    expectClose("loss", result.subarray(0, 1), [loss]);
    expectClose("pixel term", result.subarray(1, 2), [pixelLoss]);
    expectClose("Dice term", result.subarray(2, 3), [diceLoss]);
    expectClose("scores", dice, scores);
    const again = await runLoss(each);
    expect(again.result).toEqual(result);
    expect(again.dice).toEqual(dice);
    expect(again.gradLogits.some((value, i) => value !== gradLogits[i])).toBe(false);
  });

  test("gradient", async () => {
    const { gradLogits } = await runLoss(each);
    const point = Float64Array.from(logits);
    if (point.length <= 500) {
      const expected = point.map((_, at) => {
        const direction = new Float64Array(point.length);
        direction[at] = upstream;
        return directionalDerivative((x) => lossOf(x).loss, point, direction);
      });
      expectClose("gradLogits", gradLogits, expected);
    } else {
      for (const seed of [5, 6]) {
        const direction = Float64Array.from(randomArray(point.length, seed));
        const expected = upstream * directionalDerivative((x) => lossOf(x).loss, point, direction);
        const got = direction.reduce((sum, value, i) => sum + value * (gradLogits[i] as number), 0);
        const size = norm(gradLogits) * norm(direction);
        expect(Math.abs(got - expected)).toBeLessThan(1e-5 * size);
      }
    }
  });

  test("f16 storage", async (context) => {
    if (!device.features.has("shader-f16")) return context.skip("adapter lacks shader-f16");
    const half = toHalf(logits);
    const rounded = fromHalf(half);
    // A large gradient of the loss, as loss scaling has it, keeps the half floats normal.
    const gotHalf = await runLoss(each, half, 2 ** 10);
    const got = await runLoss(each, rounded, 2 ** 10);
    expectClose("result", gotHalf.result, got.result, 1e-6);
    expectClose("gradLogits", fromHalf(gotHalf.gradLogits), got.gradLogits, 1e-3);
  });
});
