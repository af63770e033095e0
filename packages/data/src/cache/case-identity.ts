import type { Storage } from "../storage/storage.js";
import type { Channels, Volume } from "../volume.js";
import type { CaseFiles } from "./cache-entry.js";
import { encodeCase } from "./decode-case.js";

/** What a case holds, by which it is known whatever its files are called and wherever they are. */
export interface CaseIdentity {
  /** Hash of image, labels and grid, as the slice cache has it. */
  readonly content: string;
  /** Hash of the image alone. */
  readonly image: string;
}

/**
 * The hashes that a case has in the slice cache, of volumes that are in memory in canonical order.
 * @throws DataError when the two do not fit together, or a label is not below `classes`.
 */
export function identityOf(
  storage: Storage,
  image: Channels,
  label: Volume,
  files: CaseFiles,
  classes: number,
): CaseIdentity {
  const { header } = encodeCase(storage, image, label, files, classes);
  return { content: header.contentHash, image: header.imageHash };
}
