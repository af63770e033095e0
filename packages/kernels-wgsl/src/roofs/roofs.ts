import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import copySource from "./copy.wgsl.js";
import multiplyAddSource from "./multiply-add.wgsl.js";

const lanes = 64;
/** Multiply-adds of an invocation in a round: eight chains, eight times. */
const perRound = 64;

/** Copies `length` numbers (a multiple of 4): `input` [length] to `output` [length]. */
export const copyProbe = (length: number): Kernel => ({
  name: "copy",
  source: copySource,
  launches: [
    { sizes: { length: length / 4 }, workgroups: [...foldWorkgroups(ceilDivide(length / 4, lanes)), 1] as const },
  ],
  flops: 0,
  bytes: 8 * length,
});

/**
 * `workgroups` of 64 invocations, each with `rounds` · 64 multiply-adds x ← x · factor + addend on registers.
 * `factors` [2], `output` [64 · workgroups].
 */
export const multiplyAddProbe = (workgroups: number, rounds: number): Kernel => ({
  name: "multiply-add",
  source: multiplyAddSource,
  launches: [{ sizes: { rounds }, workgroups: [workgroups, 1, 1] }],
  flops: 2 * perRound * rounds * lanes * workgroups,
  bytes: 4 * lanes * workgroups,
});
