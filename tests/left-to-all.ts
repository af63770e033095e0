/**
 * Test files that `npm test` leaves to `npm run test:all`, because of what they cost where nothing is compiled yet: whole
 * runs in many processes, and variants of what another file has tested already.
 */
export const leftToAll: readonly string[] = [
  // Whole runs of the command, again and again, each of which compiles its kernels.
  "packages/lobule/src/bench/bench-gpu-command.e2e.test.ts",
  "packages/lobule/src/bench/rehearse-command.e2e.test.ts",
  "packages/lobule/src/crossval/crossval-command.e2e.test.ts",
  "packages/lobule/src/evaluate/evaluate-command.e2e.test.ts",
  "packages/lobule/src/experiment/experiment-command.e2e.test.ts",
  "packages/lobule/src/segment/segment-command.e2e.test.ts",
  "packages/lobule/src/experiment/slurm.e2e.test.ts",
  "packages/lobule/src/train/ranks.e2e.test.ts",
  "tests/torture/torture.e2e.test.ts",
  "tests/tutorial/tutorial.e2e.test.ts",
  "tests/bundle/bundle.e2e.test.ts",
  // PyTorch's numbers once more, compiled another way, and copies with mistakes.
  "bench/src/parity/damaged-fixtures.device.test.ts",
  "bench/src/parity/parity-f16.device.test.ts",
  "bench/src/parity/parity-unfused.device.test.ts",
  // Every named network in three runtimes, and the examples as processes.
  "packages/interop/src/onnx/export-onnx.device.test.ts",
  "packages/lobule/src/export/export-onnx-command.e2e.test.ts",
  // What a fused neighbor adds to kernels that are tested without it, each a text of its own to compile.
  "packages/kernels-wgsl/src/attention-gate/attention-gate-slots.device.test.ts",
  "packages/kernels-wgsl/src/conv1x1/conv1x1-slots.device.test.ts",
  "packages/kernels-wgsl/src/conv-transpose2x2/conv-transpose2x2-slots.device.test.ts",
  "packages/kernels-wgsl/src/conv3x3/conv3x3-slots.device.test.ts",
  // More than a minute of compiling each; parity and the training step of the models run the same kernels.
  "packages/kernels-wgsl/src/conv3x3/conv3x3-matrix.device.test.ts",
  "packages/optim/src/recompute.device.test.ts",
  "packages/tensor/src/compiler/fusion.device.test.ts",
  "packages/tensor/src/compiler/quads.device.test.ts",
  "packages/tensor/src/compiler/storage.device.test.ts",
  "packages/tensor/src/tune/matrix.device.test.ts",
  "packages/train/src/trainer/damaged-run.device.test.ts",
  "packages/train/src/trainer/trainer.device.test.ts",
  "packages/train/src/trainer/training-variants.device.test.ts",
  // A browser compiles every kernel anew when it is started.
  "tests/browser/training.e2e.test.ts",
  "tests/studio/bench.e2e.test.ts",
  "tests/studio/care.e2e.test.ts",
  "tests/studio/command.e2e.test.ts",
  "tests/studio/correct.e2e.test.ts",
  "tests/studio/hidden.e2e.test.ts",
  "tests/studio/segment.e2e.test.ts",
  "tests/studio/train.e2e.test.ts",
  "tests/studio/train-trouble.e2e.test.ts",
];
