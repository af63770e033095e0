import type { SoftmaxLossProblem } from "../softmax-loss/softmax-loss.js";

/** Problems that are checked. */
export const topKLossCases: readonly {
  readonly why: string;
  readonly problem: SoftmaxLossProblem;
  readonly k: number;
  /** Standard deviation of the logits. */
  readonly scale: number;
}[] = [
  { why: "a tenth", problem: { batch: 2, classes: 3, height: 7, width: 9 }, k: 12, scale: 1.5 },
  { why: "the largest alone", problem: { batch: 2, classes: 3, height: 5, width: 6 }, k: 1, scale: 1.5 },
  { why: "all of them", problem: { batch: 1, classes: 4, height: 5, width: 7 }, k: 35, scale: 1.5 },
  { why: "one pixel", problem: { batch: 1, classes: 2, height: 1, width: 1 }, k: 1, scale: 1 },
  { why: "the most classes", problem: { batch: 2, classes: 16, height: 3, width: 5 }, k: 7, scale: 2 },
  { why: "saturated softmax", problem: { batch: 2, classes: 3, height: 7, width: 9 }, k: 30, scale: 40 },
  { why: "several workgroups", problem: { batch: 3, classes: 3, height: 61, width: 67 }, k: 1226, scale: 1.5 },
];
