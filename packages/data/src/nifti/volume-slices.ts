import type { Volume } from "../volume.js";
import { datatypeOfArray } from "./datatypes.js";
import { encodeHeader } from "./encode-header.js";
import { headerBytes, type NiftiHeader, parseHeader, versionOf } from "./header.js";
import type { NiftiSlices } from "./nifti-slices.js";

/** The header that a volume in memory has in a NIfTI file that `writeNifti` makes of it, the affine in its precision. */
function headerOfVolume(volume: Volume): NiftiHeader {
  const bytes = encodeHeader(volume, datatypeOfArray(volume.data), undefined);
  const version = versionOf(bytes) ?? 1;
  return parseHeader(bytes.slice(0, headerBytes[version]), version, "the volume");
}

/**
 * A volume in memory as what `openNiftiSlices` gives of its NIfTI file, so that whoever goes through slices takes both.
 * Each slice is a copy, since its array may be changed.
 */
export function volumeSlices(volume: Volume): NiftiSlices {
  const [width, height, depth] = volume.shape;
  const size = width * height;
  async function* slices(): AsyncGenerator<Volume["data"], void> {
    for (let slice = 0; slice < depth; slice++) yield volume.data.slice(slice * size, (slice + 1) * size);
  }
  return { header: headerOfVolume(volume), slices, notes: () => [], close: async () => undefined };
}
