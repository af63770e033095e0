import { Module } from "@lobule/nn";
import { applyPointwise, constant, type Image, multiply } from "@lobule/tensor";
import { expect, test } from "vitest";
import { exportOnnx } from "./export-onnx.js";
import { GraphBuilder } from "./graph-builder.js";
import { monaiMetadata } from "./monai-metadata.js";
import { NetworkNodes } from "./network-nodes.js";
import { traceNetwork } from "./network-trace.js";
import { exampleModel } from "./testing/example-model.js";

test("the same model gives the same bytes, and its weights are in there once", async () => {
  const saved = await exampleModel({ skip: "concat" });
  const [first, again] = [await exportOnnx(saved, { output: "labels" }), await exportOnnx(saved, { output: "labels" })];
  expect(again.model).toEqual(first.model);
  const numbers = [...saved.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  expect(first.model.length).toBeGreaterThan(3.9 * numbers);
  expect(first.model.length).toBeLessThan(4 * numbers + 20_000);
});

test("the description beside it says how to feed it", async () => {
  const { description } = await exportOnnx(await exampleModel({}, { inputSlices: 3 }), { output: "logits" });
  expect(description).toMatchObject({
    opset: 17,
    input: { name: "slices", type: "float32", shape: ["batch", 3, "height", "width"] },
    output: { name: "logits", type: "float32", shape: ["batch", 3, "height", "width"] },
    classes: ["background", "liver", "tumor"],
    orientation: "RAS",
    spacing: null,
    resampling: null,
    patch: null,
    window: [-160, 240],
    paddedTo: 4,
    resampledTo: null,
  });
  const spaced = await exampleModel({}, { spacing: [0.8, 0.9], resampling: "cubic", patch: [16, 12] });
  const other = await exportOnnx(spaced, { output: "logits" });
  expect(other.description).toMatchObject({ spacing: [0.8, 0.9], resampling: "cubic", patch: [16, 12] });
  const { inputs, outputs } = monaiMetadata(description).network_data_format as Record<string, object>;
  expect(inputs).toMatchObject({ slices: { num_channels: 3, channel_def: { "0": "slice -1", "2": "slice 1" } } });
  expect(outputs).toMatchObject({ logits: { num_channels: 3, channel_def: { "2": "tumor" } } });
});

test("a model of scans that are cropped to the body is refused", async () => {
  await expect(exportOnnx(await exampleModel({}, { crop: "body" }), { output: "labels" })).rejects.toThrow(
    "the model sees each whole scan cropped to its body, which an ONNX model of slices cannot do",
  );
});

/** A network of one's own that is what a function says. */
class Custom extends Module {
  constructor(private readonly work: (x: Image) => Image) {
    super();
  }
  forward(x: Image): Image {
    return this.work(x);
  }
}

test.each([
  [
    "an operation of one's own",
    (x: Image): Image =>
      applyPointwise({ name: "cube", inputs: { x }, shape: x.shape, wgsl: ({ x: v }) => `(${v} * ${v} * ${v})` }),
    "the network's operation 'cube' cannot be written in ONNX; docs/interop.md lists the layers and operations that can",
  ],
  [
    "a constant of an image's size",
    (x: Image): Image => multiply(x, constant(new Float32Array(16), [1, 1, 4, 4])),
    "the network holds a constant of 1×1×4×4 numbers, which fits images of one size only; make it one of a number a channel",
  ],
])("%s is refused by name", async (_, work, message) => {
  const trace = await traceNetwork(new Custom(work), 1);
  const nodes = new NetworkNodes(new GraphBuilder(), trace, "x");
  expect(() => nodes.nameOf(trace.logits)).toThrow(message);
});
