import { readSafetensors, SafetensorsError } from "@lobule/tensor";
import { ByteCursor, latin1 } from "./byte-cursor.js";
import { contiguousStrides, elementBytes, type ForeignTensor, type ForeignWeights } from "./foreign-tensor.js";
import { type PickleValue, readPickle, textOf } from "./pickle.js";
import { brief, PytorchError } from "./pytorch-error.js";
import { stateDictsOf } from "./state-dicts.js";
import { type StorageBytes, storageReference } from "./torch-tensors.js";
import { zipEntries } from "./zip-entries.js";

/** The weights of a file. */
export interface PytorchFile {
  /** State dicts by the keys that lead to them in the file, "" for the file itself. */
  readonly stateDicts: ReadonlyMap<string, ForeignWeights>;
  /** Whether tensors stand in the order in which the model defines them; safetensors sorts them by name. */
  readonly ordered: boolean;
  /** All that was pickled, of which the state dicts are parts; undefined for safetensors. */
  readonly root: PickleValue | undefined;
}

/**
 * Reads the weights of a PyTorch checkpoint (.pt, .pth: the zip of torch.save since 1.6, and what it wrote before) or of a
 * safetensors file. Nothing of the file is run: names of functions are compared with those that make tensors, and what
 * else there is stays a record. Tensors are views of `bytes`.
 * @throws PytorchError when the bytes are of another kind, damaged, or hold no tensors.
 */
export function readPytorch(bytes: Uint8Array): PytorchFile {
  const file = fileOf(bytes);
  if (file.stateDicts.size === 0)
    throw new PytorchError("holds no tensors; give a state dict or a checkpoint that has one");
  return file;
}

function fileOf(bytes: Uint8Array): PytorchFile {
  if (latin1(bytes.subarray(0, 2)) === "PK") return fromZip(bytes);
  if (bytes[8] === 0x7b && bytes[7] === 0)
    return { stateDicts: fromSafetensors(bytes), ordered: false, root: undefined };
  if (bytes[0] === 0x80) return fromStream(bytes);
  if (latin1(bytes.subarray(257, 262)) === "ustar") {
    throw new PytorchError("is a tar of PyTorch before 0.1.10; load it there and save it again");
  }
  throw new PytorchError("is neither a PyTorch checkpoint (.pt, .pth) nor a .safetensors file");
}

/** The zip of torch.save since 1.6: NAME/data.pkl, and each storage as NAME/data/KEY. */
function fromZip(bytes: Uint8Array): PytorchFile {
  const entries = zipEntries(bytes);
  const pickle = [...entries.keys()].find((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) throw new PytorchError("is a zip without data.pkl, so no PyTorch checkpoint");
  const folder = pickle.slice(0, -"data.pkl".length);
  const order = entries.get(`${folder}byteorder`);
  if (order !== undefined && latin1(order) !== "little") {
    throw new PytorchError("was written on a machine of the other byte order; load it and save it again on this kind");
  }
  const storages: StorageBytes = (key) => {
    const storage = entries.get(`${folder}data/${key}`);
    if (storage === undefined) throw new PytorchError(`lacks the storage ${brief(key)} of a tensor; it is cut off`);
    return storage;
  };
  const root = readPickle(new ByteCursor(entries.get(pickle) ?? new Uint8Array())).value;
  return { stateDicts: stateDictsOf(root, storages), ordered: true, root };
}

/** What begins a file of torch.save before 1.6, and the version behind it. */
const [streamMagic, streamVersion] = [0x1950a86a20f9469cfc6cn, 1001];

/** A file of torch.save before 1.6: pickles one after another, then each storage with its length before it. */
function fromStream(bytes: Uint8Array): PytorchFile {
  const cursor = new ByteCursor(bytes);
  if (readPickle(cursor).value !== streamMagic) {
    throw new PytorchError("is a pickle, but not of torch.save; save the model's state dict by torch.save");
  }
  const version = readPickle(cursor).value;
  if (version !== streamVersion)
    throw new PytorchError(`is of version ${brief(textOf(version))}, expected ${streamVersion}`);
  const system = readPickle(cursor).value;
  if (system instanceof Map && system.get("little_endian") === false) {
    throw new PytorchError("was written on a machine of the other byte order; load it and save it again on this kind");
  }
  const { value, references } = readPickle(cursor);
  const keys = readPickle(cursor).value;
  if (!Array.isArray(keys)) throw new PytorchError("has no list of its storages; it is damaged");
  const widths = new Map(
    references.flatMap((reference): [string, number][] => {
      const storage = storageReference(reference);
      return storage === undefined ? [] : [[storage.key, elementBytes[storage.type ?? "U8"]]];
    }),
  );
  const storages = new Map<string, Uint8Array>();
  for (const key of keys) {
    const width = widths.get(textOf(key));
    if (width === undefined) throw new PytorchError(`has a storage ${brief(textOf(key))} that no tensor needs`);
    storages.set(textOf(key), cursor.take(cursor.size64() * width));
  }
  const stateDicts = stateDictsOf(value, (key) => {
    const storage = storages.get(key);
    if (storage === undefined) throw new PytorchError(`lacks the storage ${brief(key)} of a tensor; it is cut off`);
    return storage;
  });
  return { stateDicts, ordered: true, root: value };
}

function fromSafetensors(bytes: Uint8Array): Map<string, ForeignWeights> {
  try {
    const tensors = [...readSafetensors(bytes)].map(([name, { dtype, shape, data }]): [string, ForeignTensor] => {
      if (dtype === "U32") throw new PytorchError(`'${brief(name)}' holds unsigned numbers, which are no weights`);
      const storage = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return [name, { type: dtype, shape, strides: contiguousStrides(shape), offset: 0, storage }];
    });
    return tensors.length === 0 ? new Map() : new Map([["", new Map(tensors)]]);
  } catch (error) {
    if (error instanceof SafetensorsError) throw new PytorchError(`is no sound .safetensors file: ${error.message}`);
    throw error;
  }
}
