import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import source from "./transpose.wgsl.js";

export interface TransposeProblem {
  readonly matrices: number;
  /** Of the input. */
  readonly rows: number;
  readonly columns: number;
}

/** Each matrix transposed: `input` [matrices, rows, columns] → `output` [matrices, columns, rows]. */
export function transpose({ matrices, rows, columns }: TransposeProblem): Kernel {
  const elements = matrices * rows * columns;
  return {
    name: "transpose",
    source,
    launches: [{ sizes: { matrices, rows, columns }, workgroups: [...foldWorkgroups(ceilDivide(elements, 64)), 1] }],
    flops: 0,
    bytes: 8 * elements,
  };
}
