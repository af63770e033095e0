import { type SafetensorsTensor, Variable } from "@lobule/tensor";
import { describe, expect, test } from "vitest";
import { ResBlock } from "./blocks/res-block.js";
import { Conv2d } from "./layers/conv2d.js";
import { Module, StateDictError } from "./module.js";

const block = (): ResBlock<2, 3> => new ResBlock({ inChannels: 2, outChannels: 3 });

describe("walking the fields", () => {
  class Pair extends Module {
    readonly first = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1 });
    readonly list = [new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 1, bias: false }), this.first];
    readonly scale = new Variable("scale", [1], Float32Array.of(2), "parameter");
  }

  test("names come from fields and list places; what is shared is trained once", () => {
    const pair = new Pair();
    expect([...pair.namedVariables().keys()]).toEqual([
      "scale",
      "first.weight",
      "first.bias",
      "list.0.weight",
      "list.1.weight",
      "list.1.bias",
    ]);
    expect(pair.parameters()).toHaveLength(4);
    expect(pair.buffers()).toEqual([]);
  });

  test("statistics are buffers, not parameters", () => {
    expect(
      block()
        .buffers()
        .map(({ name }) => name),
    ).toEqual(["bn1.running_mean", "bn1.running_var", "bn2.running_mean", "bn2.running_var"]);
    expect([...block().namedParameters().keys()]).not.toContain("bn1.running_mean");
  });

  test("train and eval reach every module", () => {
    const module = block();
    expect(module.eval().bn2.training).toBe(false);
    expect(module.train().bn2.training).toBe(true);
  });
});

describe("state dict", () => {
  test("is loaded back", async () => {
    const [from, to] = [block(), block()];
    for (const variable of from.namedVariables().values()) variable.write(variable.initial.map((_, i) => i + 0.5));
    to.loadStateDict(await from.stateDict());
    expect(await to.stateDict()).toEqual(await from.stateDict());
  });

  const changed = async (change: (state: Map<string, SafetensorsTensor>) => void): Promise<() => void> => {
    const state = new Map<string, SafetensorsTensor>(await block().stateDict());
    change(state);
    const module = block();
    const before = await module.stateDict();
    return () => {
      try {
        module.loadStateDict(state);
      } finally {
        expect(module.conv1.weight.initial).toEqual(before.get("conv1.weight")?.data);
      }
    };
  };
  const one = (shape: readonly number[]): SafetensorsTensor => ({ dtype: "F32", shape, data: new Float32Array(1) });

  test.each([
    [
      "an unknown name",
      (state: Map<string, SafetensorsTensor>) => state.set("head.bias", one([1])),
      /'head.bias' is unknown to this ResBlock: build it with/,
    ],
    [
      "a missing name",
      (state: Map<string, SafetensorsTensor>) => state.delete("bn2.bias"),
      /'bn2.bias' \[3\] is missing: take a state/,
    ],
    [
      "a wrong shape",
      (state: Map<string, SafetensorsTensor>) => state.set("bn1.weight", one([1])),
      /'bn1.weight' has shape \[1\], this ResBlock needs \[3\]/,
    ],
    [
      "a wrong element type",
      (state: Map<string, SafetensorsTensor>) =>
        state.set("bn1.weight", { dtype: "F16", shape: [3], data: new Uint16Array(3) }),
      /'bn1.weight' has element type F16, expected F32: convert it first/,
    ],
  ] as const)("%s is refused and nothing is changed", async (_, change, message) => {
    const load = await changed(change);
    expect(load).toThrow(StateDictError);
    expect(load).toThrow(message);
  });

  test("all problems are listed, up to a limit", () => {
    expect(() => block().loadStateDict(new Map())).toThrow(/'conv1.weight'(.|\n)*'bn1.weight'(.|\n)*… and 4 more\./);
  });
});
