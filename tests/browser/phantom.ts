import type { PhantomOptions } from "@lobule/data";

/** The task that is trained on in a browser and in Node. */
export const phantom: PhantomOptions = { cases: 5, testCases: 1, size: 16, slices: [3, 5], seed: 3 };
