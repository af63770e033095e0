import { type CompileOptions, constant, type Device, gradients, scale, type Tensor } from "@lobule/tensor";
import { type Check, check, relativeDifference, relativeL2 } from "./check.js";

/** How programs are compiled for a comparison. */
export interface Mode {
  readonly fusion: boolean;
  /** f16 has limits of its own: what is stored between kernels is rounded to 11 bits. */
  readonly precision: "f32" | "f16";
}

export const optionsFor = (device: Device, { fusion, precision }: Mode): CompileOptions => ({
  fusion,
  precision,
  kernels: device.kernels,
});

/** Of all gradients together, ‖got − expected‖ / ‖expected‖. */
const halfGradients = 0.25;

/**
 * Compares gradients of parameters, each with its limit. In f16 a gradient whose terms cancel, such as that of a single
 * bias, is lost in the roundings of its terms: there all of them are compared together, as the vector that a step follows.
 */
export function checkGradients(
  fixture: string,
  found: readonly (readonly [name: string, got: Float32Array, expected: Float32Array])[],
  { precision }: Pick<Mode, "precision">,
  limitOf: (name: string) => number,
): Check[] {
  if (precision === "f16") {
    const error = relativeL2(found.map(([, got, expected]) => [got, expected]));
    return [check(fixture, "gradients L2", error, halfGradients)];
  }
  return found.map(([name, got, expected]) => check(fixture, name, relativeDifference(got, expected), limitOf(name)));
}

/** By what the loss is multiplied on the way back where gradients are stored as f16: small ones would vanish. */
const lossScale = 1024;

/** Gradients of a loss, as training in that precision forms them. */
export function lossGradients(loss: Tensor, wrt: readonly Tensor[], { precision }: Mode): Tensor[] {
  if (precision === "f32") return [...gradients(loss, wrt)];
  return gradients(loss, wrt, constant([lossScale], [1])).map((each) => scale(each, 1 / lossScale));
}

/** A record of tensors by names that are listed in the same order. */
export const named = (names: Iterable<string>, tensors: readonly Tensor[]): Record<string, Tensor> => {
  const list = [...names];
  return Object.fromEntries(tensors.map((tensor, i) => [list[i] ?? "", tensor]));
};
