import { Variable } from "@lobule/tensor";
import { describe, expect, test } from "vitest";
import { OptimizerStateError } from "./optimizer-state.js";
import { Sgd } from "./sgd.js";

const make = (): Sgd =>
  new Sgd(
    new Map([
      ["a.weight", new Variable("a", [2], Float32Array.of(1, 2), "parameter")],
      ["b", new Variable("b", [1], Float32Array.of(3), "parameter")],
    ]),
    { learningRate: 0.5, momentum: 0.75, weightDecay: 0.25 },
  );

describe("SGD", () => {
  test("its numbers stand where Adam's kernel and the loss scaler have learning rate and decay; advance counts", () => {
    const optimizer = make();
    expect(optimizer.advance()).toEqual(Float32Array.of(0.5, 0, 0, 0.75, 0.25, 0, 0, 0));
    optimizer.learningRate = 0.125;
    expect(optimizer.advance()[0]).toBe(0.125);
    expect(optimizer.steps).toBe(2);
  });

  test("momentum is saved under PyTorch's name and loaded back, other entries left alone", async () => {
    const [from, to] = [make(), make()];
    from.momentumBuffers[0]?.write(Float32Array.of(5, 6));
    const state = await from.stateDict();
    expect([...state.keys()]).toEqual(["momentum_buffer.a.weight", "momentum_buffer.b"]);
    to.loadStateDict(new Map([...state, ["b", { dtype: "F32", shape: [1], data: new Float32Array(1) }]]), 9);
    expect(await to.stateDict()).toEqual(state);
    expect(to.steps).toBe(9);
  });

  test("a state of another optimizer or network is refused", async () => {
    const state = await make().stateDict();
    expect(() => make().loadStateDict(new Map(), 1)).toThrow(OptimizerStateError);
    expect(() => make().loadStateDict(new Map(), 1)).toThrow(
      /SGD: 'momentum_buffer.a.weight' is missing, expected F32/,
    );
    const more = new Map([
      ...state,
      ["momentum_buffer.c", { dtype: "F32", shape: [1], data: new Float32Array(1) } as const],
    ]);
    expect(() => make().loadStateDict(more, 1)).toThrow(/'momentum_buffer.c' belongs to no parameter/);
  });
});
