import { describe, expect, test } from "vitest";
import { noSums } from "./epoch-sums.js";
import { parseTrainingState, savedState, TrainingStateError } from "./training-state.js";

const others = {
  epoch: 1,
  step: 2,
  globalStep: 5,
  optimizerSteps: 5,
  plateau: { learningRate: 1e-3, best: 0.5, badEpochs: 0, cooldownLeft: 0 },
  earlyStopping: { best: 0.5, badEpochs: 0 },
  best: { loss: 0.5, epoch: 0 },
  finished: null,
};

describe("sums in the saved state", () => {
  const saved = { slices: [8], loss: [3.5], crossEntropy: [1.5], diceLoss: [2], dice: [7.5, 4] };

  test("have the names of the first version, so that checkpoints keep their bytes", () => {
    const state = parseTrainingState({ ...others, sums: saved }, "last.safetensors");
    expect(state.sums).toEqual({ slices: 8, loss: 3.5, pixelLoss: 1.5, overlapLoss: 2, dice: [7.5, 4] });
    expect(savedState(state)).toEqual({ ...others, sums: saved });
  });

  test("are empty before the first slice of an epoch", () => {
    const state = parseTrainingState({ ...others, sums: {} }, "last.safetensors");
    expect(state.sums).toEqual(noSums);
    expect(savedState(state)).toEqual({ ...others, sums: {} });
  });

  test("that lack a term are refused", () => {
    const { diceLoss: _, ...less } = saved;
    expect(() => parseTrainingState({ ...others, sums: less }, "last.safetensors")).toThrow(TrainingStateError);
  });
});
