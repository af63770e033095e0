import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { floatsOf } from "./foreign-tensor.js";
import { PytorchError } from "./pytorch-error.js";
import { readPytorch } from "./read-pytorch.js";

// Written by tools/oracle/checkpoints.py with PyTorch 1.13.
const folder = new URL("fixtures/", import.meta.url);
const fixture = (name: string): Uint8Array => readFileSync(new URL(name, folder));
const read = (name: string) => readPytorch(fixture(name));

describe("state dicts of torch.save and safetensors hold the same", () => {
  const expected = read("reference.safetensors").stateDicts.get("") ?? new Map();

  test.each(["reference.pt", "reference-old.pt"])("%s", (name) => {
    const { stateDicts, ordered } = read(name);
    expect(ordered).toBe(true);
    expect([...stateDicts.keys()]).toEqual([""]);
    const weights = new Map([...(stateDicts.get("") ?? [])].filter(([key]) => !key.endsWith("num_batches_tracked")));
    expect([...weights.keys()].sort()).toEqual([...expected.keys()].sort());
    expect([...weights.keys()].slice(0, 2)).toEqual(["encoder.0.conv1.weight", "encoder.0.bn1.weight"]);
    for (const [key, tensor] of weights) {
      expect(tensor.shape, key).toEqual(expected.get(key)?.shape);
      expect(floatsOf(key, tensor), key).toEqual(floatsOf(key, expected.get(key)));
    }
  });
});

describe("element types and views", () => {
  const quarters = (...counts: number[]): number[] => counts.map((count) => count / 4);
  test.each(["types.pt", "types-old.pt", "types-protocol4.pt"])("%s", (name) => {
    const tensors = read(name).stateDicts.get("") ?? new Map();
    const values = (key: string): number[] => [...floatsOf(key, tensors.get(key))];
    for (const key of ["f64", "f16", "bf16"]) expect(values(key), key).toEqual(quarters(0, 1, 2, 3));
    expect(tensors.get("transposed")?.shape).toEqual([4, 3]);
    expect(values("transposed")).toEqual(quarters(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
    expect(values("part")).toEqual(quarters(5, 6, 7));
    expect(tensors.get("scalar")?.shape).toEqual([]);
    expect(values("scalar")).toEqual(quarters(2));
    expect(values("parameter")).toEqual(quarters(0, 1));
    expect(() => values("i64")).toThrow("'i64' holds whole numbers (I64), expected floating-point ones");
    expect(() => values("u8")).toThrow(PytorchError);
  });
});

test("a checkpoint's state dicts are told apart by their keys; a model that was saved whole is one", () => {
  const { stateDicts } = read("checkpoint.pt");
  expect([...stateDicts.keys()].slice(0, 2)).toEqual(["state_dict", "optimizer.state.0"]);
  expect([...(stateDicts.get("state_dict")?.keys() ?? [])][0]).toBe("module.encoder.0.conv1.weight");
  const whole = read("whole.pt").stateDicts.get("");
  expect([...(whole ?? [])].map(([name, { shape }]) => [name, shape])).toEqual([
    ["0.weight", [2, 1, 3, 3]],
    ["0.bias", [2]],
    ["1.weight", [2]],
    ["1.bias", [2]],
    ["1.running_mean", [2]],
    ["1.running_var", [2]],
    ["1.num_batches_tracked", []],
  ]);
  expect([...(read("whole-old.pt").stateDicts.get("")?.keys() ?? [])]).toEqual(["0.weight", "0.bias"]);
});

/** A pickle of protocol 2 with these bytes before its end, as a file of torch.save before 1.6 begins. */
const pickle = (...bytes: (number | string)[]): Uint8Array =>
  Uint8Array.from([
    0x80,
    2,
    ...bytes.flatMap((each) => (typeof each === "number" ? [each] : [...Buffer.from(each)])),
    0x2e,
  ]);

describe("what is no checkpoint is refused in a sentence", () => {
  test.each([
    ["text", Buffer.from("weights"), "is neither a PyTorch checkpoint (.pt, .pth) nor a .safetensors file"],
    ["nothing", new Uint8Array(), "is neither a PyTorch checkpoint"],
    ["another pickle", pickle("cos\nsystem\n(S'touch x'\ntR"), "is a pickle, but not of torch.save"],
    ["a pickle that takes from nowhere", pickle("0a"), "its pickle is damaged: it takes a value that is not there"],
    ["a cut zip", fixture("reference.pt").subarray(0, 900), "the zip has no end; it is cut off"],
    ["protocol 9", Uint8Array.of(0x80, 9), "it is a pickle of protocol 9, and this version knows up to 5"],
  ])("%s", (_, bytes, message) => {
    expect(() => readPytorch(bytes)).toThrow(PytorchError);
    expect(() => readPytorch(bytes)).toThrow(message);
  });
});

test("2,000 changed checkpoints give tensors or a PytorchError, soon, and name no code", () => {
  const names = readdirSync(folder).filter((name) => name.endsWith(".pt"));
  const files = names.map(fixture);
  const change = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom("set", "cut", "repeat"));
  fc.assert(
    fc.property(fc.nat(files.length - 1), fc.array(change, { minLength: 1, maxLength: 8 }), (number, changes) => {
      let bytes = Uint8Array.from(files[number] ?? []);
      for (const [place, value, how] of changes) {
        const at = place % (bytes.length || 1);
        if (how === "cut" && place % 7 === 0) bytes = bytes.slice(0, at);
        else if (how === "repeat" && place % 5 === 0)
          bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(Math.max(0, at - value))]);
        else bytes[at] = value;
      }
      try {
        for (const tensors of readPytorch(bytes).stateDicts.values()) {
          for (const [name, tensor] of tensors) if (tensor.type.startsWith("F")) floatsOf(name, tensor);
        }
      } catch (error) {
        if (!(error instanceof PytorchError)) throw error;
        expect(error.message).toMatch(/^[^\n]{10,400}$/);
      }
    }),
    { numRuns: 2000, seed: 1 },
  );
});
