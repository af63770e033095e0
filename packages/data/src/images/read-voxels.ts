import { DataError } from "../data-error.js";
import { readBytes } from "../files/read-file.js";
import { storage as datatypes, type NiftiDatatype, valueArray } from "../nifti/datatypes.js";
import { unpackedMembers } from "../nifti/gzip-members.js";
import { PackedDataError } from "../storage/packing.js";
import { dirName, joinPath } from "../storage/paths.js";
import type { OpenFile, Storage } from "../storage/storage.js";
import type { VoxelArray } from "../volume.js";
import type { ImageHeader } from "./image-header.js";

/** Most bytes of voxels; a typed array holds no more on every machine. */
const mostBytes = 2 ** 32;

/**
 * The voxels that a header describes, x fastest; 64-bit integers as float64.
 * @param bytes of the file that has the header.
 * @throws DataError when there are fewer than it says, they are damaged, or one is NaN, infinite or beyond 2^53.
 */
export async function readVoxels(
  storage: Storage,
  path: string,
  header: ImageHeader,
  bytes: Uint8Array,
): Promise<VoxelArray> {
  const { shape, datatype, packing, dataFile, voxelOffset } = header;
  const holder = dataFile === undefined ? path : joinPath(dirName(storage.absolute(path)), dataFile);
  const whole = dataFile === undefined ? bytes : await readBytes(storage, holder, "tensors");
  const count = shape[0] * shape[1] * shape[2];
  const wanted = count * datatypes[datatype].array.BYTES_PER_ELEMENT;
  if (wanted > Math.min(mostBytes, storage.memory ?? mostBytes)) {
    throw new DataError(`${path} takes ${(wanted / 2 ** 30).toPrecision(3)} GiB of memory for its voxels; crop it`);
  }
  const packed = whole.subarray(Math.min(voxelOffset, whole.length));
  const stored = packing === "none" ? packed : await unpacked(storage, holder, packed, packing, wanted);
  if (stored.length < wanted) {
    throw new DataError(
      `${holder} is cut off: ${path} promises ${wanted} bytes of voxels, and there are ${stored.length}; copy or download it again`,
    );
  }
  return valuesOf(path, datatype, header.littleEndian, stored, count);
}

/** Up to `wanted` bytes of what is packed. */
async function unpacked(
  { packing }: Storage,
  path: string,
  bytes: Uint8Array,
  kind: "gzip" | "zlib",
  wanted: number,
): Promise<Uint8Array> {
  const into = new Uint8Array(wanted);
  let filled = 0;
  let given = false;
  const chunks =
    kind === "gzip"
      ? unpackedMembers(packing, path, fileOf(bytes), { bytes: 0 })
      : // Behind the two bytes that zlib has before the same data (RFC 1950).
        packing.inflate(async () => {
          if (given) return new Uint8Array(0);
          given = true;
          return bytes.subarray(2);
        });
  try {
    for await (const chunk of chunks) {
      const part = chunk.subarray(0, wanted - filled);
      into.set(part, filled);
      filled += part.length;
      if (filled === wanted) break;
    }
  } catch (error) {
    if (error instanceof PackedDataError)
      throw new DataError(`${path} holds damaged data (${error.message}); copy or download it again`);
    throw error;
  }
  return into.subarray(0, filled);
}

/** Bytes as a file. */
const fileOf = (bytes: Uint8Array): OpenFile => {
  const read = async (into: Uint8Array, position: number): Promise<number> => {
    const part = bytes.subarray(position, position + into.length);
    into.set(part);
    return part.length;
  };
  return {
    size: bytes.length,
    read,
    readParts: async (parts, position) => {
      let done = 0;
      for (const part of parts) done += await read(part, position + done);
      return done;
    },
    close: async () => undefined,
  };
};

type ReadValue = (view: DataView, at: number, littleEndian: boolean) => number | bigint;

const readers: Readonly<Record<NiftiDatatype, ReadValue>> = {
  uint8: (view, at) => view.getUint8(at),
  int8: (view, at) => view.getInt8(at),
  uint16: (view, at, little) => view.getUint16(at, little),
  int16: (view, at, little) => view.getInt16(at, little),
  uint32: (view, at, little) => view.getUint32(at, little),
  int32: (view, at, little) => view.getInt32(at, little),
  uint64: (view, at, little) => view.getBigUint64(at, little),
  int64: (view, at, little) => view.getBigInt64(at, little),
  float32: (view, at, little) => view.getFloat32(at, little),
  float64: (view, at, little) => view.getFloat64(at, little),
};

function valuesOf(
  path: string,
  datatype: NiftiDatatype,
  littleEndian: boolean,
  stored: Uint8Array,
  count: number,
): VoxelArray {
  const values = new (valueArray(datatype, false))(count);
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const size = datatypes[datatype].array.BYTES_PER_ELEMENT;
  const read = readers[datatype];
  for (let i = 0; i < count; i++) {
    const value = Number(read(view, i * size, littleEndian));
    const isExact =
      Number.isFinite(value) &&
      (datatype.endsWith("64") && !datatype.startsWith("float") ? Number.isSafeInteger(value) : true);
    if (!isExact)
      throw new DataError(
        `${path} holds ${value} in voxel ${i}, where every voxel must be a number that is exact in float64; replace it`,
      );
    values[i] = value;
  }
  return values;
}
