import { baseName, dirName, exists, joinPath, readDecathlon, type Storage } from "@lobule/data";
import type { DroppedFile } from "../parts/dropped-files.js";

/** A scan that this browser keeps. */
export interface ScanFile {
  readonly path: string;
  readonly name: string;
}

/** Where scans are kept. */
export const scanFolder = "/scans";

/** Where the synthetic scan is that is drawn here. */
export const exampleFolder = "/scans/example";

/** Where labels are kept that were found. */
export const labelFolder = "/labels";

const scanName = /\.(nii|hdr|img)(\.gz)?$/i;

/** The name without what tells its format. */
export const stemOf = (path: string): string => baseName(path).replace(/\.(nii|hdr|img)(\.gz)?$/i, "");

/** Where the labels of a scan are kept: scans of one name in several folders do not share them. */
export const labelsOf = (scan: string): string => joinPath(labelFolder, dirName(scan), `${stemOf(scan)}.nii.gz`);

/** Whether a dropped file is a scan: not a label map of a Decathlon folder, nor what macOS leaves beside files. */
export const isScanFile = (path: string): boolean =>
  scanName.test(path) && !baseName(path).startsWith("._") && !/(^|\/)labelsT[rs]\//.test(path);

/** A name for a file or folder of this browser: letters, digits, - _ . */
export const plainName = (name: string): string =>
  name
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}_.-]+/gu, "_")
    .replace(/^\.+/, "");

/**
 * Keeps the scans of dropped files, each under its name, with a number where another scan has that: corrected labels
 * belong to the scan of a path. A pair (.hdr, .img) is listed once.
 * @throws Error when no scan is among them; the system's where there is no space.
 */
export async function keepScans(storage: Storage, files: readonly DroppedFile[]): Promise<ScanFile[]> {
  const scans = files.filter(({ path }) => isScanFile(path));
  if (scans.length === 0)
    throw new Error(
      `${files.length === 1 ? `${files[0]?.path} is no scan` : "No scan is among these files"}; drop .nii or .nii.gz files, or a folder of them`,
    );
  const kept: ScanFile[] = [];
  const stems = new Set(scans.map(({ path }) => path.replace(scanName, "")));
  for (const stem of stems) {
    const group = scans.filter(({ path }) => path.replace(scanName, "") === stem);
    const paired = group.some(({ path }) => /\.hdr(\.gz)?$/i.test(path));
    for (const { file, target } of await targetsOf(storage, group)) {
      if (!(await isSame(storage, target, file))) await keepFile(storage, target, file);
      if (!paired || !/\.img(\.gz)?$/i.test(target)) kept.push({ path: target, name: stemOf(target) });
    }
  }
  return kept;
}

/** Where files of one name are kept: their first number at which no other content is. */
async function targetsOf(storage: Storage, group: readonly DroppedFile[]) {
  for (let n = 1; ; n++) {
    const targets = group.map(({ path, file }) => {
      const [ending = ""] = scanName.exec(path) ?? [];
      const stem = plainName(stemOf(path));
      return { file, target: joinPath(scanFolder, `${stem}${n === 1 ? "" : `-${n}`}${ending}`) };
    });
    const free = await Promise.all(
      targets.map(async ({ file, target }) => !(await exists(storage, target)) || isSame(storage, target, file)),
    );
    if (free.every(Boolean)) return targets;
  }
}

/** Bytes that are compared at a time. */
const piece = 4_000_000;

/** Whether there is a file with these bytes. */
async function isSame(storage: Storage, path: string, content: Blob): Promise<boolean> {
  if (!(await exists(storage, path)) || (await storage.stat(path)).size !== content.size) return false;
  const here = await storage.open(path);
  try {
    for (let at = 0; at < content.size; at += piece) {
      const theirs = new Uint8Array(await content.slice(at, at + piece).arrayBuffer());
      const ours = new Uint8Array(theirs.length);
      await here.read(ours, at);
      if (ours.some((byte, i) => byte !== theirs[i])) return false;
    }
    return true;
  } finally {
    await here.close();
  }
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
