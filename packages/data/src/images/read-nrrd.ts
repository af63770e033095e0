import { DataError } from "../data-error.js";
import { readBytes } from "../files/read-file.js";
import type { NiftiDatatype } from "../nifti/datatypes.js";
import type { Storage } from "../storage/storage.js";
import type { Volume } from "../volume.js";
import { badHeader, gridOfSteps, type ImageHeader, numbersOf, type SpaceSigns } from "./image-header.js";
import { readVoxels } from "./read-voxels.js";

/** NRRD's names of each datatype. */
const types: Readonly<Record<string, NiftiDatatype>> = {
  "signed char": "int8",
  int8: "int8",
  int8_t: "int8",
  uchar: "uint8",
  "unsigned char": "uint8",
  uint8: "uint8",
  uint8_t: "uint8",
  short: "int16",
  "short int": "int16",
  "signed short": "int16",
  "signed short int": "int16",
  int16: "int16",
  int16_t: "int16",
  ushort: "uint16",
  "unsigned short": "uint16",
  "unsigned short int": "uint16",
  uint16: "uint16",
  uint16_t: "uint16",
  int: "int32",
  "signed int": "int32",
  int32: "int32",
  int32_t: "int32",
  uint: "uint32",
  "unsigned int": "uint32",
  uint32: "uint32",
  uint32_t: "uint32",
  longlong: "int64",
  "long long": "int64",
  "long long int": "int64",
  "signed long long": "int64",
  "signed long long int": "int64",
  int64: "int64",
  int64_t: "int64",
  ulonglong: "uint64",
  "unsigned long long": "uint64",
  "unsigned long long int": "uint64",
  uint64: "uint64",
  uint64_t: "uint64",
  float: "float32",
  double: "float64",
};

const spaces: Readonly<Record<string, SpaceSigns>> = {
  "right-anterior-superior": [1, 1, 1],
  ras: [1, 1, 1],
  "left-anterior-superior": [-1, 1, 1],
  las: [-1, 1, 1],
  "left-posterior-superior": [-1, -1, 1],
  lps: [-1, -1, 1],
};

/**
 * Reads a volume from NRRD: .nrrd, or .nhdr with its voxels in another file, raw or gzip, any datatype of real numbers.
 *
 * @throws DataError that names the file when it is missing, damaged or cut off, has another number of axes than three,
 * gives no directions, or stores its voxels in a way that is not read (text, bzip2, several files).
 * Source: https://teem.sourceforge.net/nrrd/format.html
 */
export async function readNrrd(storage: Storage, path: string): Promise<Volume> {
  const bytes = await readBytes(storage, path, "tensors");
  const header = nrrdHeader(path, bytes);
  const { shape, spacing, affine } = header;
  return { shape, spacing, affine, data: await readVoxels(storage, path, header, bytes) };
}

/** A header is looked for in so many bytes. */
const headerWindow = 2 ** 20;

function nrrdHeader(path: string, bytes: Uint8Array): ImageHeader {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, headerWindow));
  if (!/^NRRD000[1-5]\r?\n/.test(start))
    throw badHeader(path, "is no NRRD file: it does not begin with NRRD0001 to NRRD0005");
  // An empty line ends the header; without one there are no voxels in this file.
  const end = /\r?\n\r?\n/.exec(start);
  const text = end === null ? start : start.slice(0, end.index);
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/).slice(1)) {
    const [, name, value] = /^([^#:=][^:=]*): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined)
      fields.set(name.trim().toLowerCase().replaceAll(" ", ""), value.trim());
  }
  const field = (...names: string[]): string | undefined =>
    names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const dataFile = field("datafile");
  if (
    dataFile !== undefined &&
    (/^LIST\b/i.test(dataFile) || /%\d*d/.test(dataFile) || /(^|[\\/])\.\.([\\/]|$)|^[\\/]/.test(dataFile))
  ) {
    throw badHeader(
      path,
      `its voxels are in '${dataFile.slice(0, 60)}', and one file beside it is read; save it as one .nrrd`,
    );
  }
  if (dataFile === undefined && end === null) throw badHeader(path, "its header has no end; copy or download it again");
  const type = field("type") ?? "";
  const datatype = types[type.toLowerCase()];
  if (datatype === undefined)
    throw badHeader(path, `its voxels are of the type '${type.slice(0, 60)}', and one real number a voxel is expected`);
  if (Number(field("lineskip") ?? 0) !== 0)
    throw badHeader(path, "it skips lines before its voxels, which is not read; save it again as .nrrd");
  const skip = Number(field("byteskip") ?? 0);
  if (!Number.isSafeInteger(skip) || skip < 0)
    throw badHeader(path, `it skips ${skip} bytes before its voxels, which is not read; save it again as .nrrd`);
  return {
    ...nrrdGrid(path, field),
    datatype,
    littleEndian: (field("endian") ?? "little").toLowerCase() === "little",
    packing: packingOf(path, field("encoding") ?? ""),
    voxelOffset: (dataFile === undefined ? (end?.index ?? 0) + (end?.[0].length ?? 0) : 0) + skip,
    dataFile,
  };
}

function packingOf(path: string, encoding: string): ImageHeader["packing"] {
  if (encoding.toLowerCase() === "raw") return "none";
  if (/^(gz|gzip)$/i.test(encoding)) return "gzip";
  throw badHeader(
    path,
    `its voxels are encoded as '${encoding.slice(0, 60)}', and raw and gzip are read; save it in one of these`,
  );
}

function nrrdGrid(path: string, field: (...names: string[]) => string | undefined) {
  const shape = numbersOf(field("sizes") ?? "");
  const space = field("space");
  const directions = field("spacedirections");
  if (space === undefined || directions === undefined) {
    throw new DataError(`${path} does not say where it is in the patient (space, space directions); save it with both`);
  }
  const signs = spaces[space.toLowerCase()];
  if (signs === undefined) {
    throw badHeader(
      path,
      `its space is '${space.slice(0, 60)}', and those of patients are read (RAS, LAS, LPS); save it in one of these`,
    );
  }
  const steps = (directions.match(/\([^)]*\)|none/gi) ?? []).map(numbersOf);
  return gridOfSteps(path, shape, steps, numbersOf(field("spaceorigin") ?? "0 0 0"), signs);
}
