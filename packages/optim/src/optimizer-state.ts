import type { StateDict } from "@lobule/nn";
import { printShape, type SafetensorsTensor, type Variable } from "@lobule/tensor";

/** Optimizer state that does not fit the parameters; one sentence says what to do. */
export class OptimizerStateError extends Error {
  override readonly name = "OptimizerStateError";
}

/** What an optimizer keeps for each parameter, by its name in a checkpoint: a prefix and the parameter's own. */
export type Moments = ReadonlyMap<string, Variable>;

export async function momentState(moments: Moments): Promise<StateDict> {
  const state: StateDict = new Map();
  for (const [name, variable] of moments) {
    state.set(name, { dtype: "F32", shape: variable.shape, data: await variable.read() });
  }
  return state;
}

/**
 * Replaces all moments. Entries without one of the prefixes are left alone, so that a checkpoint may hold the model's
 * too. Nothing is changed when anything does not fit.
 * @throws OptimizerStateError when a moment is missing, unknown or of another shape, or `steps` is no whole number.
 */
export function loadMoments(
  what: string,
  prefixes: readonly string[],
  moments: Moments,
  state: ReadonlyMap<string, SafetensorsTensor>,
  steps: number,
): void {
  if (!Number.isSafeInteger(steps) || steps < 0) {
    throw new OptimizerStateError(
      `${what}: the step count must be a whole number from 0, got ${steps}; take it from the checkpoint`,
    );
  }
  for (const name of state.keys()) {
    if (prefixes.some((prefix) => name.startsWith(prefix)) && !moments.has(name)) {
      throw new OptimizerStateError(
        `${what}: '${name}' belongs to no parameter; take a state that was saved from the same network`,
      );
    }
  }
  const writes = [...moments].map(([name, variable]) => {
    const entry = state.get(name);
    const expected = printShape(variable.shape);
    if (entry?.dtype !== "F32" || printShape(entry.shape) !== expected) {
      const found = entry === undefined ? "is missing" : `is ${entry.dtype} ${printShape(entry.shape)}`;
      throw new OptimizerStateError(
        `${what}: '${name}' ${found}, expected F32 ${expected}; take a state that was saved from the same network`,
      );
    }
    const { data } = entry;
    return () => variable.write(data);
  });
  for (const write of writes) write();
}
