import { baseName, dirName, joinPath, readDecathlon, type Storage } from "@lobule/data";
import type { DroppedFile } from "../parts/dropped-files.js";

/** A scan that this browser keeps. */
export interface ScanFile {
  readonly path: string;
  readonly name: string;
}

/** Where scans are kept. */
export const scanFolder = "/scans";

const scanName = /\.(nii|hdr|img)(\.gz)?$/i;

/** The name without what tells its format. */
export const stemOf = (path: string): string => baseName(path).replace(/\.(nii|hdr|img)(\.gz)?$/i, "");

/** Whether a dropped file is a scan: not a label map of a Decathlon folder, nor what macOS leaves beside files. */
export const isScanFile = (path: string): boolean =>
  scanName.test(path) && !baseName(path).startsWith("._") && !/(^|\/)labelsT[rs]\//.test(path);

/** A name for a file or folder of this browser: letters, digits, - _ . */
export const plainName = (name: string): string => name.replace(/[^\w.-]+/g, "_").replace(/^\.+/, "");

/**
 * Keeps the scans of dropped files. One half of a pair (.hdr, .img) is kept, and listed once.
 * @throws Error when no scan is among them; the system's where there is no space.
 */
export async function keepScans(storage: Storage, files: readonly DroppedFile[]): Promise<ScanFile[]> {
  const scans = files.filter(({ path }) => isScanFile(path));
  if (scans.length === 0)
    throw new Error(
      `${files.length === 1 ? `${files[0]?.path} is no scan` : "No scan is among these files"}; drop .nii or .nii.gz files, or a folder of them`,
    );
  const kept: ScanFile[] = [];
  for (const { path, file } of scans) {
    const target = joinPath(scanFolder, plainName(baseName(path)));
    await keepFile(storage, target, file);
    if (!/\.img(\.gz)?$/i.test(path)) kept.push({ path: target, name: stemOf(target) });
  }
  return kept;
}

/** Writes a file piece by piece, so that it is never in memory as a whole. */
export async function keepFile(storage: Storage, target: string, file: Pick<Blob, "stream">): Promise<void> {
  await storage.makeFolder(dirName(target));
  const writing = await storage.replace(target);
  try {
    const reader = file.stream().getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) await writing.write(next.value);
    await writing.commit();
  } catch (error) {
    await writing.discard();
    throw error;
  }
}

/** All scans of a Decathlon folder: those that have labels, and those that have none. */
export async function scansOfTask(storage: Storage, folder: string): Promise<ScanFile[]> {
  const { cases, testImages } = await readDecathlon(storage, folder);
  return [...cases.map(({ image }) => image), ...testImages].map((path) => ({ path, name: stemOf(path) }));
}
