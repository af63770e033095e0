import { ChannelsError, DataError } from "../data-error.js";
import { exists } from "../files/entries.js";
import { hexOf } from "../hash.js";
import type { Storage } from "../storage/storage.js";
import { ByteSource } from "./byte-source.js";
import { headerBytes, type NiftiHeader, notOneVolume, parseHeader, takeOneVolume, versionOf } from "./header.js";
import { tooShort, VoxelReader } from "./voxel-reader.js";

/** A NIfTI file whose header has been read and whose voxels come next. */
export interface OpenNifti {
  readonly header: NiftiHeader;
  readonly voxels: VoxelReader;
  close(): Promise<void>;
}

const pairName = /\.(hdr|img)(\.gz)?$/i;

/** The other half of a pair, with or without .gz, whichever exists. */
async function besides(storage: Storage, path: string, half: "hdr" | "img"): Promise<string> {
  const plain = path.replace(pairName, `.${half}`);
  const [likely, other] = /\.gz$/i.test(path) ? [`${plain}.gz`, plain] : [plain, `${plain}.gz`];
  if (await exists(storage, likely)) return likely;
  if (await exists(storage, other)) return other;
  throw new DataError(`${path} is one half of a pair of files, but there is no ${likely}; put that beside it`);
}

async function readHeaderFrom(source: ByteSource, path: string): Promise<NiftiHeader> {
  const bytes = new Uint8Array(headerBytes[2]);
  const short = (found: number, expected: number): DataError =>
    new DataError(`${path} ends after ${found} bytes, where a NIfTI header has ${expected}; copy or download it again`);
  const found = await source.read(bytes.subarray(0, headerBytes[1]));
  const version = found < 4 ? undefined : versionOf(bytes);
  if (version === undefined)
    throw new DataError(
      `${path} is no NIfTI file: it begins with the bytes ${hexOf(bytes.subarray(0, Math.min(4, found)))}, ` +
        "not with the length of a header (348 or 540); name a .nii, .nii.gz or .hdr file",
    );
  const length = headerBytes[version];
  if (found < headerBytes[1]) throw short(found, length);
  const more = await source.read(bytes.subarray(found, length));
  if (found + more < length) throw short(found + more, length);
  return parseHeader(bytes.slice(0, length), version, path);
}

/** @throws ChannelsError when a file has another number of channels than is expected. */
function requireChannels(path: string, { channels, dimensions }: NiftiHeader, expected: number | undefined): void {
  if (expected === undefined || channels === expected) return;
  if (expected === 1)
    throw new ChannelsError(
      notOneVolume(path, dimensions),
      `${takeOneVolume} or, where they are the channels of a data set, name them in its dataset.json`,
    );
  throw new ChannelsError(
    `${path} holds ${channels === 1 ? "one channel" : `${channels} channels`} (${dimensions.join("×")} voxels), where ${expected} are expected`,
    "give one file with all of them or a file for each, or name in the dataset.json of a data set only the channels that there are",
  );
}

async function openHeader(
  storage: Storage,
  path: string,
  channels: number | undefined,
): Promise<{ header: NiftiHeader; source: ByteSource; headerPath: string }> {
  const headerPath = /\.img(\.gz)?$/i.test(path) ? await besides(storage, path, "hdr") : path;
  const source = await ByteSource.open(storage, headerPath);
  try {
    const header = await readHeaderFrom(source, headerPath);
    requireChannels(path, header, channels);
    return { header, source, headerPath };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Reads the header alone: the first few hundred bytes of the file, unpacked.
 * @param channels that the file must hold; 1 by default.
 * @throws DataError as `readNifti`.
 */
export async function readNiftiHeader(storage: Storage, path: string, channels = 1): Promise<NiftiHeader> {
  const { header, source } = await openHeader(storage, path, channels);
  await source.close();
  return header;
}

/** The file with the voxels, which is another one for a pair. */
async function openImage(
  storage: Storage,
  header: NiftiHeader,
  source: ByteSource,
  headerPath: string,
): Promise<[ByteSource, string]> {
  if (!header.separateImage) return [source, headerPath];
  await source.close();
  if (!pairName.test(headerPath))
    throw new DataError(
      `${headerPath} says that its voxels are in a separate .img file, but has no name that ends in .hdr; ` +
        "name it .hdr and put the .img beside it",
    );
  const imagePath = await besides(storage, headerPath, "img");
  return [await ByteSource.open(storage, imagePath), imagePath];
}

/** Opens a file and goes to its first voxel, after `check` has agreed with the header. Throws DataError as `readNifti`. */
export async function openNifti(
  storage: Storage,
  path: string,
  check: (header: NiftiHeader) => void,
  channels: number | undefined,
): Promise<OpenNifti> {
  const { header, source: headerSource, headerPath } = await openHeader(storage, path, channels);
  let source = headerSource;
  try {
    check(header);
    const [imageSource, imagePath] = await openImage(storage, header, headerSource, headerPath);
    source = imageSource;
    const { voxelOffset, voxelBytes } = header;
    // Before anything is allocated or unpacked.
    if (voxelOffset + voxelBytes > source.mostBytes)
      throw tooShort(imagePath, header, Math.max(0, source.mostBytes - voxelOffset));
    await source.skip(voxelOffset - source.position);
    return { header, voxels: new VoxelReader(source, header, imagePath), close: () => source.close() };
  } catch (error) {
    await source.close();
    throw error;
  }
}
