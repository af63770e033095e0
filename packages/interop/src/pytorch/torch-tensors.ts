import { type ElementType, elementBytes, type ForeignTensor, sizeOf } from "./foreign-tensor.js";
import { PickleCall, PickleGlobal, PickleReference, type PickleValue, textOf } from "./pickle.js";
import { brief, PytorchError } from "./pytorch-error.js";

/** The bytes of a file's storages by key. @throws PytorchError where there is none. */
export type StorageBytes = (key: string) => Uint8Array;

const storageTypes: Readonly<Record<string, ElementType>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};
const elementTypes: Readonly<Record<string, ElementType>> = {
  "torch.float64": "F64",
  "torch.float32": "F32",
  "torch.float16": "F16",
  "torch.bfloat16": "BF16",
  "torch.int64": "I64",
  "torch.int32": "I32",
  "torch.int16": "I16",
  "torch.int8": "I8",
  "torch.uint8": "U8",
  "torch.bool": "BOOL",
};
/** Elements are bytes there, whose type the tensor tells. */
const untyped = "torch.storage.UntypedStorage";

/** What stands for a storage in the pickle. */
interface StorageReference {
  readonly key: string;
  /** Undefined where the tensor tells. */
  readonly type: ElementType | undefined;
  readonly elements: number;
  /** Where a view of another storage begins in it, in elements. */
  readonly offset: number;
}

/** What a reference stands for; undefined where it is no storage. */
export function storageReference({ id }: PickleReference): StorageReference | undefined {
  if (!Array.isArray(id) || id[0] !== "storage") return undefined;
  const [, kind, key, , elements, view] = id;
  const name = kind instanceof PickleGlobal ? kind.name : "";
  const type = storageTypes[name];
  if ((type === undefined && name !== untyped) || !isCount(elements)) {
    throw new PytorchError(`it holds elements of the kind '${brief(name)}', which this version does not know`);
  }
  const offset = Array.isArray(view) && isCount(view[1]) ? view[1] : 0;
  return { key: textOf(key ?? null), type, elements, offset };
}

/** Calls that PyTorch makes tensors by. `torch.` and more stand before them. */
const rebuilt = {
  tensor: /^torch\._utils\._rebuild_tensor(_v2)?$/,
  typed: /^torch\._utils\._rebuild_tensor_v3$/,
  parameter: /^torch\._utils\._rebuild_parameter(_with_state)?$/,
  other: /^torch\._tensor\._rebuild_from_type_v2$/,
};

/** How deep a tensor may be wrapped into others. */
const mostWrapped = 4;

/** The tensor that a value stands for; undefined where it is none. @throws PytorchError when it does not fit its storage. */
export function tensorOf(value: PickleValue, storages: StorageBytes, depth = 0): ForeignTensor | undefined {
  if (!(value instanceof PickleCall) || !(value.callee instanceof PickleGlobal)) return undefined;
  const { args, callee } = value;
  if (!Array.isArray(args) || depth > mostWrapped) return undefined;
  if (rebuilt.parameter.test(callee.name)) return tensorOf(args[0] ?? null, storages, depth + 1);
  if (rebuilt.other.test(callee.name)) {
    return tensorOf(new PickleCall(args[0] ?? null, args[2] ?? null), storages, depth + 1);
  }
  const isTyped = rebuilt.typed.test(callee.name);
  if (!isTyped && !rebuilt.tensor.test(callee.name)) return undefined;
  const [reference, offset, shape, strides, , , dtype] = args;
  const storage = reference instanceof PickleReference ? storageReference(reference) : undefined;
  const type = isTyped && dtype instanceof PickleGlobal ? elementTypes[dtype.name] : storage?.type;
  if (
    storage === undefined ||
    type === undefined ||
    !isCount(offset) ||
    !areCounts(shape) ||
    !areCounts(strides) ||
    shape.length !== strides.length
  ) {
    throw new PytorchError(
      "a tensor of it does not say where its elements are; save the weights again with torch.save",
    );
  }
  return requireWithin({ type, shape, strides, offset: offset + storage.offset, storage: storages(storage.key) });
}

/** @throws PytorchError when elements lie outside of the storage, or a tensor has more than that holds. */
function requireWithin(tensor: ForeignTensor): ForeignTensor {
  const { type, shape, strides, offset, storage } = tensor;
  const held = Math.floor(storage.length / elementBytes[type]);
  const size = sizeOf(shape);
  const last = offset + shape.reduce((sum, extent, axis) => sum + (extent - 1) * (strides[axis] as number), 0);
  if (size > 0 && (size > held || last >= held)) {
    throw new PytorchError(
      `a tensor of shape [${shape.slice(0, 8).join(", ")}] reaches beyond the ${held} elements that are stored of it; the file is damaged`,
    );
  }
  return tensor;
}

const isCount = (value: PickleValue | undefined): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
/** Few enough axes for a tensor. */
const areCounts = (value: PickleValue | undefined): value is number[] =>
  Array.isArray(value) && value.length <= 64 && value.every(isCount);
