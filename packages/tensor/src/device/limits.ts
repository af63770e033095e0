import { matrixFeature, usesMatrices } from "@lobule/kernels-wgsl";
import { isTensor } from "../compiler/calls.js";
import type { Program } from "../compiler/program.js";
import type { Operand } from "../graph/tensor.js";
import { PlanError } from "../shape.js";

/** Bytes in MiB, for people. */
export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** @throws PlanError naming the kernel, the need and the limit, and what would fit. */
export function checkLimits(program: Program, { limits, features }: GPUDevice): void {
  const largest = Math.max(0, ...program.poolBytes, ...program.arenas.map(({ length }) => 4 * length));
  if (largest > limits.maxBufferSize) {
    throw new PlanError(
      `needs a buffer of ${mib(largest)}, this adapter allows ${mib(limits.maxBufferSize)}; use a smaller batch`,
    );
  }
  // The largest of all, so that the batch that is said to fit does.
  let largestBinding: { label: string; operand: Operand; bytes: number } | undefined;
  for (const { label, operands, kernel } of [...program.prologue, ...program.calls]) {
    if (kernel.source.startsWith("enable f16;") && !features.has("shader-f16")) {
      throw new PlanError(
        `${label}: uses f16, this adapter has no shader-f16; compile with precision "f32", or use another adapter; \`lobule doctor\` names them`,
      );
    }
    if (usesMatrices(kernel.source) && !features.has(matrixFeature)) {
      throw new PlanError(`${label}: uses matrix units, this adapter has no ${matrixFeature}; take another variant`);
    }
    const storage = operands.filter(({ access }) => access !== "uniform");
    if (storage.length > limits.maxStorageBuffersPerShaderStage) {
      throw new PlanError(
        `${label}: binds ${storage.length} storage buffers, this adapter allows ${limits.maxStorageBuffersPerShaderStage}; compile with fusion off`,
      );
    }
    for (const { operand } of storage) {
      const { bytes } = program.placeOf(operand);
      if (bytes > (largestBinding?.bytes ?? limits.maxStorageBufferBindingSize))
        largestBinding = { label, operand, bytes };
    }
    for (const { workgroups } of kernel.launches) {
      if (workgroups.some((count) => count > limits.maxComputeWorkgroupsPerDimension)) {
        throw new PlanError(
          `${label}: needs ${workgroups.join("×")} workgroups, this adapter allows ${limits.maxComputeWorkgroupsPerDimension} a dimension; use a smaller batch`,
        );
      }
    }
  }
  if (largestBinding === undefined) return;
  const { label, operand, bytes } = largestBinding;
  const batch = isTensor(operand) && operand.shape.length === 4 ? (operand.shape[0] as number) : undefined;
  const fits = batch === undefined ? 0 : Math.floor(batch * (limits.maxStorageBufferBindingSize / bytes));
  const advice = fits > 0 ? `a batch of ${fits} would fit` : "use a smaller batch, smaller images or fewer features";
  throw new PlanError(
    `${label}: needs ${mib(bytes)} in one binding, this adapter allows ${mib(limits.maxStorageBufferBindingSize)}; ${advice}`,
  );
}
