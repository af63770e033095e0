import { DataError, parseJsonText } from "@lobule/data";
import { readSafetensors, readSafetensorsMetadata, type SafetensorsTensor, writeSafetensors } from "@lobule/tensor";

/** What goes into a checkpoint beside the tensors, by name: JSON values, without times or places. */
export type CheckpointState = Readonly<Record<string, unknown>>;

/** Tensors (weights, statistics, moments) and the state that belongs to them. */
export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly state: CheckpointState;
}

/**
 * A checkpoint as one safetensors file: each field of the state is a metadata entry, in JSON with sorted keys. Equal
 * checkpoints give equal bytes.
 * @throws RangeError when a number of the state is not finite: it could not be read back.
 */
export const encodeCheckpoint = ({ tensors, state }: Checkpoint): Uint8Array<ArrayBuffer> =>
  writeSafetensors(
    tensors,
    Object.fromEntries(Object.entries(state).map(([name, value]) => [name, JSON.stringify(inFixedOrder(value, name))])),
  );

/**
 * @throws SafetensorsError when the bytes are no such file, DataError when the metadata are not JSON or a tensor holds a
 * number that none of a checkpoint's can be.
 */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const entries = Object.entries(readSafetensorsMetadata(bytes));
  const state = Object.fromEntries(
    entries.map(([name, text]): [string, unknown] => [name, parseJsonText(text, `its entry '${name}'`)]),
  );
  const tensors = readSafetensors(bytes);
  for (const [name, tensor] of tensors) requirePossible(name, tensor);
  return { tensors, state };
}

/** Second moments and running variances, of which roots are taken. */
const neverNegative = /^exp_avg_sq\.|(^|\.)running_var$/;

/** @throws DataError when a tensor holds NaN or an infinity, or a negative number where there can be none. */
function requirePossible(name: string, { dtype, data }: SafetensorsTensor): void {
  if (dtype !== "F32") return;
  const lowest = neverNegative.test(name) ? 0 : Number.NEGATIVE_INFINITY;
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]);
    if (!Number.isFinite(value) || value < lowest) {
      throw new DataError(`its tensor '${name}' holds ${value} at position ${i}`);
    }
  }
}

/** The same JSON value with the keys of every object sorted by code unit. */
function inFixedOrder(value: unknown, path: string): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new RangeError(`the state to save has '${path}' = ${value}; only finite numbers can be saved`);
  }
  if (Array.isArray(value)) return value.map((each, i) => inFixedOrder(each, `${path}.${i}`));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([key, field]) => [key, inFixedOrder(field, `${path}.${key}`)]));
}
