import type { DType } from "../contract/kernel.js";

export interface ConvertCase {
  readonly why: string;
  readonly from: DType;
  readonly to: DType;
  readonly length: number;
}

/** Problems that are checked. */
export const convertCases: readonly ConvertCase[] = [
  { why: "a copy", from: "f32", to: "f32", length: 65 },
  { why: "labels from numbers", from: "f32", to: "u32", length: 1001 },
  { why: "signed integers", from: "f32", to: "i32", length: 1001 },
  { why: "numbers from labels", from: "u32", to: "f32", length: 77 },
  { why: "numbers from signed integers", from: "i32", to: "f32", length: 77 },
  { why: "half floats, odd length", from: "f32", to: "f16", length: 1003 },
  { why: "one half float", from: "f32", to: "f16", length: 1 },
  { why: "from half floats, odd length", from: "f16", to: "f32", length: 1003 },
  { why: "labels from half floats", from: "f16", to: "u32", length: 9 },
  { why: "half floats from labels", from: "u32", to: "f16", length: 9 },
];
