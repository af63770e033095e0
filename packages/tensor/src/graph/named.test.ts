import { describe, expect, expectTypeOf, test } from "vitest";
import { compile } from "../compiler/program.js";
import { gradients } from "../ops/gradients.js";
import { sum } from "../ops/sum.js";
import { constant, f32 } from "./apply.js";
import { applyKernel, applyKernels, applyPointwise } from "./named.js";
import { nodesBelow, type Scalar, type Tensor } from "./tensor.js";

const kernel = { name: "nothing", source: "", launches: [], flops: 0, bytes: 0 };
const [a, b] = [constant([1], [1]), constant([2], [1])];
const image = constant([1, 2, 3, 4, 5, 6], [2, 3]);

describe("an operation on named inputs", () => {
  test("lowers the tensors by name and in their types, lists among them", () => {
    const seen: Tensor[] = [];
    const output = applyKernel({
      name: "four",
      inputs: { first: a, list: [b, a], last: image },
      output: f32([2, 3]),
      lower: ({ first, list, last }, result, lowering) => {
        expectTypeOf(first).toEqualTypeOf<Scalar>();
        expectTypeOf(result.shape).toEqualTypeOf<readonly [2, 3]>();
        seen.push(first, ...list, last, result);
        lowering.call({ kernel });
      },
    });
    compile({ inputs: {}, build: () => ({ updates: [output] }) });
    expect(seen).toEqual([a, b, a, image, output]);
  });

  test("says of names what the graph knows of positions", () => {
    const { second } = applyKernels({
      name: "traits",
      inputs: { list: [a, b], image },
      outputs: { first: f32([1]), second: f32([2, 3]) },
      slotInputs: ["image"],
      halfInputs: ["list"],
      halfOutputs: ["second"],
      lower: () => undefined,
    });
    expect(second.node.operation).toMatchObject({ slotInputs: [2], halfInputs: [0, 1], halfOutputs: [1] });
  });

  test("gives gradients by name; an expression does not read what only receives one", () => {
    const twice = applyPointwise({
      name: "twice",
      inputs: { x: image },
      unread: { a },
      shape: image.shape,
      wgsl: (args) => `2.0 * ${args.x}`,
      gradient: (gradOutput, inputs) => ({ a: sum(gradOutput), x: inputs.x }),
    });
    const [byA, byImage] = gradients(sum(twice), [a, image]);
    expectTypeOf(byImage.shape).toEqualTypeOf<readonly [2, 3]>();
    expect(byImage).toBe(image);
    expect(nodesBelow([byA])).not.toContain(twice.node);
    expect(twice.node.operation).toMatchObject({ expressionInputs: 1 });
  });
});
