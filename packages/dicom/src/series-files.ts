import { entryAt, joinPath, readBytes, readError, reason, type Storage, visibleText } from "@lobule/data";
import { type Unzipped, unzipSync } from "fflate";
import { DicomError } from "./dicom-error.js";

/** A file that may be a slice of a series. */
export interface SeriesFile {
  /** How it is named in messages; of a file in a zip, the zip's path and its own in there. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Most bytes of all files in a zip, unpacked; a series of 4,000 slices of 512×512 has half as many. */
const mostUnpacked = 2 ** 32;
/** Most files in a zip; one that is damaged may claim billions. */
const mostFiles = 2 ** 16;

/**
 * The files of a folder, of a .zip in whatever folders it has, by name, or one file. Hidden files and DICOMDIR are left out;
 * of a file in a folder that is no DICOM file the beginning alone is read.
 * @throws DicomError when the folder or the zip cannot be read, the zip is damaged, or takes more memory than there is.
 */
export async function* seriesFiles(storage: Storage, source: string): AsyncGenerator<SeriesFile, void> {
  if (/\.zip$/i.test(source)) {
    yield* zippedFiles(source, await readBytes(storage, source, "tensors"), storage.memory);
    return;
  }
  if ((await entryAt(storage, source))?.kind === "file") {
    yield { path: source, bytes: await readBytes(storage, source, "tensors") };
    return;
  }
  const names = await storage.list(source).catch((error: unknown) => {
    throw new DicomError(
      `${source} cannot be read: ${reason(error)}; give the folder of a DICOM series, or a .zip of one`,
    );
  });
  for (const name of names.filter(isCandidate).sort()) {
    const path = joinPath(source, name);
    if ((await storage.stat(path)).kind === "file") yield { path, bytes: await dicomBytes(storage, path) };
  }
}

/** Whether a file begins as DICOM files do: 128 bytes of anything, then DICM. */
export const isDicom = (bytes: Uint8Array): boolean =>
  bytes[128] === 0x44 && bytes[129] === 0x49 && bytes[130] === 0x43 && bytes[131] === 0x4d;

/** All bytes of a DICOM file, which may hold hundreds of frames; the first of any other. */
async function dicomBytes(storage: Storage, path: string): Promise<Uint8Array> {
  const file = await storage.open(path);
  try {
    const head = new Uint8Array(132);
    await file.read(head, 0);
    if (!isDicom(head)) return head;
  } catch (error) {
    throw readError(path, error);
  } finally {
    await file.close();
  }
  return readBytes(storage, path, "tensors");
}

const isCandidate = (name: string): boolean => !name.startsWith(".") && name !== "DICOMDIR";

function* zippedFiles(source: string, bytes: Uint8Array, memory = mostUnpacked): Generator<SeriesFile, void> {
  let [files, unpacked] = [0, 0];
  let found: Unzipped;
  try {
    found = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (++files > mostFiles) throw new DicomError(`it claims more than ${mostFiles} files`);
        if (name.endsWith("/") || !name.split("/").every(isCandidate)) return false;
        unpacked += originalSize;
        if (unpacked > Math.min(mostUnpacked, memory))
          throw new DicomError(`its files take ${(unpacked / 2 ** 30).toPrecision(3)} GiB of memory`);
        return true;
      },
    });
  } catch (error) {
    const why = visibleText(error instanceof Error ? error.message : String(error)).slice(0, 200);
    throw new DicomError(`${source} cannot be unpacked (${why}); unpack it, and give the folder of the series`);
  }
  for (const name of Object.keys(found).sort()) {
    const file = found[name];
    if (file !== undefined) yield { path: `${source}/${visibleText(name).slice(0, 200)}`, bytes: file };
  }
}
