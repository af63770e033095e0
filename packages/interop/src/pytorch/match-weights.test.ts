import { readFileSync } from "node:fs";
import { AttentionResUNet } from "@lobule/nn";
import { describe, expect, test } from "vitest";
import { contiguousStrides, type ForeignTensor, floatsOf, sizeOf } from "./foreign-tensor.js";
import { matchWeights, WeightMisfitError } from "./match-weights.js";
import { type PytorchFile, readPytorch } from "./read-pytorch.js";

const read = (name: string): PytorchFile => readPytorch(readFileSync(new URL(`fixtures/${name}`, import.meta.url)));
const network = new AttentionResUNet({ baseFeatures: 2, depth: 1 });
const wanted = new Map([...network.namedVariables()].map(([name, { shape }]) => [name, shape]));

const tensor = (...shape: number[]): ForeignTensor => ({
  type: "F32",
  shape,
  strides: contiguousStrides(shape),
  offset: 0,
  storage: new Uint8Array(Float32Array.from({ length: sizeOf(shape) }, (_, i) => i).buffer),
});
const file = (tensors: Readonly<Record<string, ForeignTensor>>, ordered = true): PytorchFile => ({
  stateDicts: new Map([["", new Map(Object.entries(tensors))]]),
  ordered,
  root: undefined,
});
const misfits = (work: () => unknown): readonly string[] => {
  try {
    work();
  } catch (error) {
    if (error instanceof WeightMisfitError) return error.misfits;
    throw error;
  }
  return [];
};

test.each(["reference.pt", "reference-old.pt", "reference.safetensors", "checkpoint.pt"])("%s by name", (name) => {
  const { weights, how } = matchWeights(wanted, read(name), {});
  expect(how).toBe("name");
  expect([...weights.keys()]).toEqual([...wanted.keys()]);
  const source = read("reference.pt").stateDicts.get("")?.get("head.weight");
  expect(weights.get("head.weight")?.data).toEqual(source && floatsOf("head.weight", source));
});

describe("other names", () => {
  const two = new Map<string, readonly number[]>([
    ["a.weight", [2, 1]],
    ["a.bias", [2]],
    ["b.weight", [2, 1]],
    ["b.bias", [2]],
  ]);
  const theirs = {
    "x.0.weight": tensor(2, 1),
    "x.0.bias": tensor(2),
    "x.1.weight": tensor(2, 1),
    "x.1.bias": tensor(2),
  };

  test("go by order and shape, where the file has an order", () => {
    const { origins, how } = matchWeights(two, file(theirs), {});
    expect(how).toBe("order and shape");
    expect(Object.fromEntries(origins)).toEqual({
      "a.weight": "x.0.weight",
      "a.bias": "x.0.bias",
      "b.weight": "x.1.weight",
      "b.bias": "x.1.bias",
    });
    expect(() => matchWeights(two, file(theirs, false), {})).toThrow(
      ".safetensors keeps no order to go by; give --map",
    );
  });

  test("go by a map, which may leave some out", () => {
    const map = { "x.1.weight": "a.weight", "x.1.bias": "a.bias", "x.0.weight": "b.weight", "x.0.bias": "b.bias" };
    const more = file({ ...theirs, extra: tensor(9) }, false);
    const { origins, how } = matchWeights(two, more, { map: { ...map, extra: null } });
    expect([how, origins.get("a.weight")]).toEqual(["map", "x.1.weight"]);
    expect(misfits(() => matchWeights(two, more, { map }))).toEqual(["'extra' [9] of the file: the network has none"]);
    expect(misfits(() => matchWeights(two, more, { map: { ...map, extra: "c" } }))).toContain(
      "'extra' of the file: the network has no 'c'",
    );
    expect(() => matchWeights(two, more, { map: { y: "a.weight" } })).toThrow("holds no tensor 'y', which --map names");
  });

  test("that do not fit are listed with both shapes", () => {
    const bad = file({ "a.weight": tensor(3, 1), "a.bias": tensor(2), "b.weight": tensor(2, 1), c: tensor(4) });
    expect(misfits(() => matchWeights(two, bad, {}))).toEqual([
      "'a.weight' [2, 1] of the network: 'a.weight' of the file is [3, 1]",
      "'b.bias' [2] of the network: the file has none",
      "'c' [4] of the file: the network has none",
    ]);
  });
});

test("of several state dicts one is named", () => {
  const moments = {
    stateDicts: new Map([
      ["ema", new Map()],
      ["weights", new Map()],
    ]),
    ordered: true,
  };
  expect(() => matchWeights(wanted, moments, {})).toThrow(
    "holds several state dicts; name one of 'ema', 'weights' with --entry",
  );
  expect(() => matchWeights(wanted, moments, { entry: "net" })).toThrow("holds no state dict 'net'; name one of");
});
