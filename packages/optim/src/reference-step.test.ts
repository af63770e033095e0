import { AttentionResUNet, diceCrossEntropy } from "@lobule/nn";
import { compile, gradients, type Program } from "@lobule/tensor";
import { beforeAll, describe, expect, test } from "vitest";
import { Adam } from "./adam.js";

/** Of the reference step: dispatches, bytes that they read and write, device memory over what no plan can do without. */
const most = { dispatches: 180, bytes: 1.2e9, memory: 1.2 };
/** With rematerialization over without: peak live memory of temporary tensors, work; and memory as above. */
const recomputed = { live: 0.58, flops: 1.15, bytes: 1.12, memory: 1.2 };

/** Most memory of PyTorch's eager step, batch 32, 512×512, on an NVIDIA H200 (bench/RESULTS.md), and the goal beside it. */
const beside = { pytorchBytes: 7.56e9, share: 0.6 };

/** Eight base features, Adam. Planning needs no GPU. */
function referenceStep(kernels: "parallel" | "subgroup", recompute: boolean, batch = 4, size = 256): Program {
  const network = new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures: 8, seed: 1 });
  const adam = new Adam(network.namedParameters(), { learningRate: 1e-4 });
  return compile(
    {
      inputs: {
        image: { shape: [batch, 1, size, size], dtype: "f32" },
        target: { shape: [batch, size, size], dtype: "u32" },
        hyper: { shape: [8], dtype: "f32" },
      },
      build: ({ image, target, hyper }) => {
        const { loss } = diceCrossEntropy(network.train().forward(image), target);
        return { metrics: { loss }, updates: [adam.update(gradients(loss, adam.parameters), hyper)] };
      },
    },
    { kernels, recompute },
  );
}

const flopsOf = ({ calls }: Program): number => calls.reduce((total, { kernel }) => total + kernel.flops, 0);

describe("the plan of the reference step (batch 4, 256×256)", () => {
  let step: Program;
  beforeAll(() => {
    step = referenceStep("parallel", false);
  });

  test("keeps to its dispatches, bytes and memory", () => {
    expect(step.dispatches).toBeLessThanOrEqual(most.dispatches);
    expect(step.bytesPerRun).toBeLessThanOrEqual(most.bytes);
    expect(step.peakBytes).toBeLessThanOrEqual(most.memory * step.minimumBytes);
    expect(step.minimumBytes).toBeGreaterThan(step.liveMinimum);
  });

  test("at batch 32 and 512×512 takes the share of PyTorch's memory that it is meant to", () => {
    expect(referenceStep("parallel", false, 32, 512).peakBytes).toBeLessThanOrEqual(beside.share * beside.pytorchBytes);
  });

  test.each(["parallel", "subgroup"] as const)("%s kernels: half the memory with rematerialization", (kernels) => {
    const kept = kernels === "parallel" ? step : referenceStep(kernels, false);
    const again = referenceStep(kernels, true);
    expect(again.liveMinimum).toBeLessThanOrEqual(recomputed.live * kept.liveMinimum);
    expect(again.peakBytes).toBeLessThanOrEqual(recomputed.memory * again.minimumBytes);
    expect(flopsOf(again) / flopsOf(kept)).toBeLessThanOrEqual(recomputed.flops);
    expect(again.bytesPerRun / kept.bytesPerRun).toBeLessThanOrEqual(recomputed.bytes);
    // Whatever changes state is there once.
    const finishes = ({ calls }: Program) =>
      calls.filter(({ label }) => label.startsWith("batch-norm-finish")).map(({ label }) => label);
    expect(finishes(again)).toEqual(finishes(kept));
  });
});
