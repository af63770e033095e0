import { constant, type Image, ShapeError } from "@lobule/tensor";
import { describe, expect, test } from "vitest";
import { AttentionGate } from "../blocks/attention-gate.js";
import { ResBlock } from "../blocks/res-block.js";
import { summary } from "../summary.js";
import { AttentionResUNet } from "./attention-res-unet.js";

const image = <const C extends number>(channels: C, height: number, width: number): Image<C> =>
  constant(new Float32Array(channels * height * width), [1, channels, height, width]);

describe("names and shapes of the state dict", () => {
  const block = (name: string, cin: number, cout: number): [string, number[]][] => [
    [`${name}.conv1.weight`, [cout, cin, 3, 3]],
    ...norm(`${name}.bn1`, cout),
    [`${name}.conv2.weight`, [cout, cout, 3, 3]],
    ...norm(`${name}.bn2`, cout),
    ...(cin === cout
      ? []
      : ([
          [`${name}.shortcut.weight`, [cout, cin, 1, 1]],
          [`${name}.shortcut.bias`, [cout]],
        ] as [string, number[]][])),
  ];
  const norm = (name: string, c: number): [string, number[]][] =>
    ["weight", "bias", "running_mean", "running_var"].map((leaf) => [`${name}.${leaf}`, [c]]);

  test("depth 2, 4 base features, 2 image channels, 5 classes", async () => {
    const model = new AttentionResUNet({ inChannels: 2, classes: 5, baseFeatures: 4, depth: 2 });
    const level = (i: number, c: number): [string, number[]][] => [
      [`decoder.${i}.up.weight`, [2 * c, c, 2, 2]],
      [`decoder.${i}.up.bias`, [c]],
      [`decoder.${i}.gate.wx.weight`, [c / 2, c, 1, 1]],
      [`decoder.${i}.gate.wg.weight`, [c / 2, c, 1, 1]],
      [`decoder.${i}.gate.wg.bias`, [c / 2]],
      [`decoder.${i}.gate.psi.weight`, [1, c / 2, 1, 1]],
      [`decoder.${i}.gate.psi.bias`, [1]],
      ...block(`decoder.${i}.block`, 2 * c, c),
    ];
    expect([...(await model.stateDict())].map(([name, { shape }]) => [name, shape])).toEqual([
      ...block("encoder.0", 2, 4),
      ...block("encoder.1", 4, 8),
      ...block("bridge", 8, 16),
      ...level(0, 8),
      ...level(1, 4),
      ["head.weight", [5, 4, 1, 1]],
      ["head.bias", [5]],
    ]);
    for (const [name, variable] of model.namedVariables()) expect(variable.name).toBe(name);
  });

  test("parameters of the network with 8 base features, worked by hand", () => {
    const conv = (cin: number, cout: number, k: number, bias: boolean): number =>
      cin * cout * k * k + (bias ? cout : 0);
    const residual = (cin: number, cout: number): number =>
      conv(cin, cout, 3, false) + conv(cout, cout, 3, false) + 4 * cout + (cin === cout ? 0 : conv(cin, cout, 1, true));
    const decoder = (c: number): number =>
      conv(2 * c, c, 2, true) +
      conv(c, c / 2, 1, false) +
      conv(c, c / 2, 1, true) +
      conv(c / 2, 1, 1, true) +
      residual(2 * c, c);
    const expected =
      residual(1, 8) +
      residual(8, 16) +
      residual(16, 32) +
      residual(32, 64) +
      residual(64, 128) +
      decoder(64) +
      decoder(32) +
      decoder(16) +
      decoder(8) +
      conv(8, 3, 1, true);
    const model = new AttentionResUNet({ baseFeatures: 8 });
    expect(model.parameters().reduce((total, { initial }) => total + initial.length, 0)).toBe(expected);
  });

  test("one channel still has one between skip and gate", () => {
    expect(new AttentionGate({ channels: 1 }).wx.weight.shape).toEqual([1, 1, 1, 1]);
  });
});

describe("forward", () => {
  test("logits keep height and width", () => {
    const model = new AttentionResUNet({ baseFeatures: 2, depth: 3 });
    const logits: Image<3> = model.forward(image(1, 8, 24));
    expect(logits.shape).toEqual([1, 3, 8, 24]);
  });

  test("sides that cannot be halved often enough are refused", () => {
    const model = new AttentionResUNet({ baseFeatures: 2 });
    expect(() => model.forward(image(1, 30, 32))).toThrow(
      new ShapeError(
        "AttentionResUNet: height and width of x [1, 1, 30, 32] must be multiples of 16 (2^depth); pad the image and crop the logits",
      ),
    );
    expect(() => model.forward(image(1, 32, 8))).toThrow(ShapeError);
  });

  test("wrong wiring is refused by the compiler and at run time", () => {
    const model = new AttentionResUNet({ inChannels: 2, classes: 4, baseFeatures: 2, depth: 1 });
    // @ts-expect-error one channel into a network for two
    expect(() => model.forward(image(1, 4, 4))).toThrow(/x has 1 channels, weight expects 2 \(x \[1, 1, 4, 4\]/);
    // @ts-expect-error four classes are not three
    const wrong: Image<3> = model.forward(image(2, 4, 4));
    expect(wrong.shape[1]).toBe(4);
    const block = new ResBlock({ inChannels: 2, outChannels: 3 });
    // @ts-expect-error the block makes three channels, it takes two
    expect(() => block.forward(block.forward(image(2, 4, 4)))).toThrow(ShapeError);
    const gate = new AttentionGate({ channels: 4 });
    // @ts-expect-error the gating signal has other channels than the skip connection
    expect(() => gate.forward({ skip: image(4, 4, 4), gating: image(8, 4, 4) })).toThrow(
      /gating is \[1, 8, 4, 4\], expected \[1, 4, 4, 4\]/,
    );
    expect(() => gate.forward({ skip: image(4, 4, 4), gating: image(4, 2, 2) })).toThrow(/gating is \[1, 4, 2, 2\]/);
  });

  test.each([
    { baseFeatures: 0 },
    { baseFeatures: 1.5 },
    { baseFeatures: 2, depth: 0 },
    { baseFeatures: 2, classes: -1 },
  ])("%o is refused", (options) => {
    expect(() => new AttentionResUNet(options)).toThrow(/must be a whole number of at least 1/);
  });
});

test("the seed decides every start value", () => {
  const values = (seed: number): number[][] =>
    new AttentionResUNet({ baseFeatures: 1, depth: 1, seed }).parameters().map(({ initial }) => [...initial]);
  expect(values(1)).toEqual(values(1));
  expect(values(1)).not.toEqual(values(2));
});

test("summary", () => {
  const model = new AttentionResUNet({ baseFeatures: 2, depth: 1 });
  expect(summary(model, [1, 1, 8, 8])).toMatchInlineSnapshot(`
    "name                      layer            output        parameters    MFLOP       MB
    encoder.0.conv1           Conv2d           [1, 2, 8, 8]          18     0.00     0.13
    encoder.0.bn1             BatchNorm2d      [1, 2, 8, 8]           4     0.00     0.00
    encoder.0.conv2           Conv2d           [1, 2, 8, 8]          36     0.00     0.13
    encoder.0.bn2             BatchNorm2d      [1, 2, 8, 8]           4     0.00     0.00
    encoder.0.shortcut        Conv2d           [1, 2, 8, 8]           4     0.00     0.13
    pool                      MaxPool2d        [1, 2, 4, 4]           0     0.00     0.00
    bridge.conv1              Conv2d           [1, 4, 4, 4]          72     0.00     0.13
    bridge.bn1                BatchNorm2d      [1, 4, 4, 4]           8     0.00     0.00
    bridge.conv2              Conv2d           [1, 4, 4, 4]         144     0.00     0.14
    bridge.bn2                BatchNorm2d      [1, 4, 4, 4]           8     0.00     0.00
    bridge.shortcut           Conv2d           [1, 4, 4, 4]          12     0.00     0.13
    decoder.0.up              ConvTranspose2d  [1, 2, 8, 8]          34     0.00     0.13
    decoder.0.gate            AttentionGate    –                      0     0.00     0.14
    decoder.0.gate.wx         Conv2d           –                      2
    decoder.0.gate.wg         Conv2d           –                      3
    decoder.0.gate.psi        Conv2d           –                      2
    decoder.0.block.conv1     Conv2d           [1, 2, 8, 8]          72     0.01     0.14
    decoder.0.block.bn1       BatchNorm2d      [1, 2, 8, 8]           4     0.00     0.00
    decoder.0.block.conv2     Conv2d           [1, 2, 8, 8]          36     0.00     0.13
    decoder.0.block.bn2       BatchNorm2d      [1, 2, 8, 8]           4     0.00     0.00
    decoder.0.block.shortcut  Conv2d           [1, 2, 8, 8]          10     0.00     0.13
    head                      Conv2d           [1, 3, 8, 8]           9     0.00     0.13
    486 parameters (0.00 MiB), 32 running statistics; input [1, 1, 8, 8]
    layer by layer 0.000 GFLOP, 1.6 MB; fusion saves traffic between layers"
  `);
  expect(Object.hasOwn(model, "forward")).toBe(false);
});
