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

/** @throws SafetensorsError when the bytes are no such file, SyntaxError when the metadata are not JSON. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const entries = Object.entries(readSafetensorsMetadata(bytes));
  const state = Object.fromEntries(entries.map(([name, text]): [string, unknown] => [name, JSON.parse(text)]));
  return { tensors: readSafetensors(bytes), state };
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
