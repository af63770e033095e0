import { readBytes } from "../files/read-file.js";
import type { NiftiDatatype } from "../nifti/datatypes.js";
import type { Storage } from "../storage/storage.js";
import type { Volume } from "../volume.js";
import { badHeader, gridOfSteps, type ImageHeader, numbersOf } from "./image-header.js";
import { readVoxels } from "./read-voxels.js";

const types: Readonly<Record<string, NiftiDatatype>> = {
  MET_CHAR: "int8",
  MET_UCHAR: "uint8",
  MET_SHORT: "int16",
  MET_USHORT: "uint16",
  MET_INT: "int32",
  MET_UINT: "uint32",
  MET_LONG_LONG: "int64",
  MET_ULONG_LONG: "uint64",
  MET_FLOAT: "float32",
  MET_DOUBLE: "float64",
};

/**
 * Reads a volume from MetaImage: .mha, or .mhd with its voxels in another file, packed by zlib or not. Positions are in LPS,
 * as ITK writes them.
 *
 * @throws DataError that names the file when it is missing, damaged or cut off, has another number of axes than three,
 * several numbers a voxel, or its voxels as text or in several files.
 * Source: https://itk.org/Wiki/ITK/MetaIO/Documentation
 */
export async function readMetaImage(storage: Storage, path: string): Promise<Volume> {
  const bytes = await readBytes(storage, path, "tensors");
  const header = metaHeader(path, bytes);
  const { shape, spacing, affine } = header;
  return { shape, spacing, affine, data: await readVoxels(storage, path, header, bytes) };
}

/** A header is looked for in so many bytes. */
const headerWindow = 2 ** 16;

function metaHeader(path: string, bytes: Uint8Array): ImageHeader {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, headerWindow));
  // It is the last field of the header.
  const end = /^ElementDataFile *= *(.*?)\r?\n/m.exec(`${start}\n`);
  if (end === null || !/^(ObjectType|NDims|Comment) *=/m.test(start)) {
    throw badHeader(path, "is no MetaImage file: it has no ElementDataFile in its header");
  }
  const fields = new Map<string, string>();
  for (const [, name = "", value = ""] of start.slice(0, end.index).matchAll(/^(\w+) *= *(.*?)\r?$/gm))
    fields.set(name, value.trim());
  const field = (...names: string[]): string | undefined =>
    names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const isTrue = (...names: string[]): boolean => /^true$/i.test(field(...names) ?? "");
  const type = field("ElementType") ?? "";
  const datatype = types[type];
  if (datatype === undefined || Number(field("ElementNumberOfChannels") ?? 1) !== 1) {
    throw badHeader(
      path,
      `its voxels are ${field("ElementNumberOfChannels") ?? "1"} of the type '${type.slice(0, 60)}', and one real number a voxel is expected`,
    );
  }
  if (field("BinaryData") !== undefined && !isTrue("BinaryData"))
    throw badHeader(path, "its voxels are text, which is not read; save it as binary data");
  const file = end[1] ?? "";
  const isLocal = /^local$/i.test(file);
  if (!isLocal && (/^LIST\b/i.test(file) || /%\d*d/.test(file) || /(^|[\\/])\.\.([\\/]|$)|^[\\/]/.test(file))) {
    throw badHeader(
      path,
      `its voxels are in '${file.slice(0, 60)}', and one file beside it is read; save it as one .mha`,
    );
  }
  const matrix = numbersOf(field("TransformMatrix", "Rotation", "Orientation") ?? "1 0 0 0 1 0 0 0 1");
  const spacing = numbersOf(field("ElementSpacing", "ElementSize") ?? "1 1 1");
  // Each three numbers are the direction of an axis.
  const steps = spacing.map((size, axis) => matrix.slice(3 * axis, 3 * axis + 3).map((part) => part * size));
  const origin = numbersOf(field("Offset", "Position", "Origin") ?? "0 0 0");
  return {
    ...gridOfSteps(path, numbersOf(field("DimSize") ?? ""), steps, origin, [-1, -1, 1]),
    datatype,
    littleEndian: !isTrue("BinaryDataByteOrderMSB", "ElementByteOrderMSB"),
    packing: isTrue("CompressedData") ? "zlib" : "none",
    voxelOffset: isLocal ? end.index + end[0].length : Math.max(0, Number(field("HeaderSize") ?? 0)),
    dataFile: isLocal ? undefined : file,
  };
}
