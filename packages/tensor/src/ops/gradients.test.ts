import { expect, test } from "vitest";
import { constant, input } from "../graph/apply.js";
import { applyPointwise } from "../graph/named.js";
import { Variable } from "../graph/variable.js";
import { PlanError } from "../shape.js";
import { attentionGate } from "./attention-gate.js";
import { gradients } from "./gradients.js";
import { multiply } from "./pointwise.js";
import { sum } from "./sum.js";

const parameter = <const S extends readonly number[]>(shape: S): Variable<S> =>
  new Variable("p", shape, new Float32Array(shape.reduce((size, each) => size * each, 1)), "parameter");

test("a tensor that the output does not depend on has the gradient zero", () => {
  const [p, other] = [parameter([2]), parameter([3])];
  const [, zero] = gradients(sum(multiply(p, p)), [p, other]);
  expect(zero?.shape).toEqual([3]);
  expect(zero?.node.operation.kind).toBe("constant");
});

test("only a scalar has gradients without gradOutput, and gradOutput has the output's shape", () => {
  const p = parameter([2]);
  expect(() => gradients(multiply(p, p), [p])).toThrow(/must be a scalar, got \[2\]; give gradOutput/);
  expect(() => gradients(multiply(p, p), [p], constant([1], [1]))).toThrow(/gradOutput \[1\] does not match .* \[2\]/);
});

test("a loss that depends on the gate's alpha is refused, not given half a gradient", () => {
  const { alpha, gated } = attentionGate({
    skip: input("skip", [1, 2, 4, 4], "f32"),
    gating: input("gating", [1, 2, 4, 4], "f32"),
    wx: parameter([1, 2, 1, 1]),
    wg: parameter([1, 2, 1, 1]),
    wgBias: parameter([1]),
    psi: parameter([1, 1, 1, 1]),
    psiBias: parameter([1]),
  });
  const wrt = gated.node.inputs.slice(2);
  expect(() => gradients(sum(alpha), wrt)).toThrow(PlanError);
  expect(() => gradients(sum(alpha), wrt)).toThrow(/depends on alpha, which has no gradient; use gated/);
  expect(gradients(sum(gated), wrt)).toHaveLength(5);
});

test("an operation's gradient that is not in the shape of its input is refused", () => {
  const p = parameter([2, 3]);
  const wrong = applyPointwise({
    name: "wrong",
    inputs: { p },
    shape: p.shape,
    wgsl: (args) => args.p,
    gradient: () => ({ p: constant([1], [1]) }),
  });
  expect(() => gradients(sum(wrong), [p])).toThrow("gradients: wrong gives its input 0, [2, 3], a gradient [1]");
});
