import { type Device, PlanError } from "@lobule/tensor";

/** @throws PlanError when the adapter cannot store activations in f16. */
export function requireF16({ hasF16 }: Pick<Device, "hasF16">): void {
  if (!hasF16) {
    throw new PlanError(
      "this adapter has no shader-f16; use --precision f32, or another adapter; `lobule doctor` names them",
    );
  }
}
