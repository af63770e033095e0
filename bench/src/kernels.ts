/**
 * What times the kernels of a training step. It uses nothing of Node, so that a page can measure its browser.
 *
 * @module @lobule/bench/kernels
 */

export {
  type BenchFile,
  type ComparedSettings,
  type Comparison,
  checkComparable,
  compareFiles,
  type EarlierFile,
  parseBenchFile,
} from "./bench-files.js";
export { type BenchSettings, presetFeatures, settingsOf } from "./bench-settings.js";
export { benchKernels, type KernelTiming } from "./kernel-bench.js";
export { measureRoof, type Roof } from "./roof.js";
export { rooflineSvg } from "./roofline.js";
export type { Change, EarlierTiming, Timing } from "./timing.js";
export { makeWorkload } from "./workload.js";
