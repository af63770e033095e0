export { BenchError } from "./bench-error.js";
export { type BenchFile, checkComparable, compareFiles, type EarlierFile } from "./bench-files.js";
export { type Benchmark, type BenchSettings, benchmarks, settingsOf } from "./bench-settings.js";
export { busyNow } from "./busy-machine.js";
export { type GpuPartsOptions, gpuParts, scratchFolder } from "./gpu/gpu-parts.js";
export { benchIsa } from "./isa/isa-bench.js";
export { IsaCompiler, type IsaFamily, isaFamilies } from "./isa/isa-compiler.js";
export { checkSameIsa, compareIsa, type IsaFile, isaChangeTable, readIsaFile } from "./isa/isa-file.js";
export { isaTable } from "./isa/isa-table.js";
export type { Check } from "./parity/check.js";
export { FixtureError } from "./parity/fixture-files.js";
export { chosenVariants, oneVariant } from "./parity/one-variant.js";
export { type FixtureSummary, summarize, table, verdict } from "./parity/report.js";
export { type ParityOptions, runParity } from "./parity/run-parity.js";
export type { Figure, Part, PartResult } from "./parts/part.js";
export { type PartsRun, runParts } from "./parts/run-parts.js";
export { findPython } from "./peers/find-python.js";
export { OwnPeer, type OwnPeerOptions } from "./peers/own-peer.js";
export { installPeers } from "./peers/peer-install.js";
export type { PeerRequest, Started } from "./peers/peer-protocol.js";
export {
  needsInstalling,
  type PeerName,
  type PeerOptions,
  type PytorchMode,
  parseModes,
  parsePeers,
  peerNames,
  peersFolder,
  pytorchModes,
} from "./peers/peer-variants.js";
export { readBenchFile } from "./read-bench-file.js";
export { realTasks, taskBytes } from "./rehearsal/case-depths.js";
export { type RehearsalOptions, rehearsalParts } from "./rehearsal/rehearsal-parts.js";
export { type LargeTaskOptions, type WrittenTask, writeLargeTask } from "./rehearsal/write-large-task.js";
export { measureRoof, type Roof } from "./roof.js";
export { type BenchDisplay, type BenchRequest, type Outcome, runBenchmark } from "./run-benchmark.js";
export { measureScale } from "./scale/scale-bench.js";
export { scaleTable } from "./scale/scale-table.js";
export { changeTable } from "./tables.js";
export { TemporaryFolder } from "./temporary-folder.js";
export { type Effort, efforts, type TuneProgress, type TuneRequest, tuneKernels } from "./tune/tune-kernels.js";
export { makeWorkload, type WorkloadOptions } from "./workload.js";
