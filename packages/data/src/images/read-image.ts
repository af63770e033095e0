import { DataError } from "../data-error.js";
import { readNifti } from "../nifti/read-nifti.js";
import type { Storage } from "../storage/storage.js";
import type { Volume } from "../volume.js";
import { readMetaImage } from "./read-metaimage.js";
import { readNrrd } from "./read-nrrd.js";

/**
 * Reads a volume of any form that is known, by the end of its name: .nii and .nii.gz, .nrrd and .nhdr, .mha and .mhd.
 * @throws DataError naming the file when it is of another form, or as its reader.
 */
export async function readImage(storage: Storage, path: string): Promise<Volume> {
  if (/\.(nii(\.gz)?|hdr|img)$/i.test(path)) return readNifti(storage, path);
  if (/\.(nrrd|nhdr)$/i.test(path)) return readNrrd(storage, path);
  if (/\.(mha|mhd)$/i.test(path)) return readMetaImage(storage, path);
  throw new DataError(
    `${path} is of no known form; give a name that ends in .nii, .nii.gz, .nrrd, .nhdr, .mha or .mhd`,
  );
}
