import type { Color } from "./pixels.js";

/**
 * Colors of classes, told apart with any color vision and from gray. Source: Okabe and Ito 2008, some lighter so that
 * they stand out from a scan.
 */
const colors: readonly Color[] = [
  [86, 190, 255],
  [250, 225, 60],
  [255, 135, 75],
  [50, 225, 165],
  [240, 160, 210],
];

/** Color of a label from 1. */
export const colorOfLabel = (label: number): Color => colors[(label - 1) % colors.length] ?? [255, 255, 255];
