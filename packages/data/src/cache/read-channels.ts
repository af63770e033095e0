import { DataError } from "../data-error.js";
import { onGridOf } from "../geometry/compare-grids.js";
import { type NiftiVolume, readNifti, readNiftiVolumes } from "../nifti/read-nifti.js";
import type { Storage } from "../storage/storage.js";
import type { Channels } from "../volume.js";

/** The files of an image: one with all its channels, or one for each. */
export interface ImageFiles {
  /** Path of the only file, or of that of the first channel. */
  readonly image: string;
  /** Paths of the files of the other channels, in their order, where each has one. */
  readonly otherChannels?: readonly string[];
}

/** Paths of all files of an image. */
export const imagePaths = ({ image, otherChannels = [] }: ImageFiles): readonly [string, ...string[]] => [
  image,
  ...otherChannels,
];

/** Channels in the first file of an image that has so many. */
export const channelsOfFile = (
  { otherChannels = [] }: ImageFiles,
  { channels }: { readonly channels: number },
): number => (otherChannels.length === 0 ? channels : 1);

/**
 * Reads all channels of an image, each on the grid of the first and with its axes in the same order.
 * @param channels how many there must be; 1 by default.
 * @throws DataError as {@link readNifti}; naming two files whose grids differ; when there is another number of channels.
 */
export async function readChannels(storage: Storage, files: ImageFiles, channels = 1): Promise<Channels<NiftiVolume>> {
  const [path, ...others] = imagePaths(files);
  if (others.length === 0) return readNiftiVolumes(storage, path, channels);
  if (others.length + 1 !== channels) {
    throw new DataError(
      `${path} and the other files of its image are ${others.length + 1}, where ${channels === 1 ? "one channel is" : `${channels} channels are`} expected`,
    );
  }
  const first = await readNifti(storage, path);
  const volumes: NiftiVolume[] = [];
  for (const other of others) {
    const volume = await readNifti(storage, other);
    volumes.push({ ...volume, ...onGridOf(volume, first, [other, `the first channel ${path}`]) });
  }
  return [first, ...volumes];
}
