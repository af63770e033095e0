import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DataError, isSameFile, reason, requireOutsideVolumes } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { type MapPaths, uncertaintyMaps } from "@lobule/train";
import { type ScanChannels, scansOfChannels, withoutChannel } from "../shared/channel-files.js";
import { requireNoInput } from "../shared/outputs.js";
import { isSeries } from "../shared/read-scan.js";

/** A scan and what is written of it. Its path is that of a file, or of the folder or .zip of a DICOM series. */
export interface SegmentFiles extends ScanChannels {
  /** Path of its labels: NIfTI, or a DICOM SEG. */
  readonly output: string;
  /** Path of its picture, where one is asked for. */
  readonly preview: string | undefined;
  /** Paths of maps of how unsure the model is, NIfTI, of those that are asked for. */
  readonly maps: MapPaths;
}

/** Where maps of all scans go, as -o says it of labels, by the option that asks for them. */
export const mapOptions = { entropy: "--uncertainty", disagreement: "--disagreement" } as const;

/** Whether an output is a file for the labels of one scan; else it is a folder. */
export const isLabelFile = (out: string): boolean => labelName.test(out) && !isHidden(out);
/** Whether labels are written as DICOM SEG. */
export const isSegFile = (out: string): boolean => isLabelFile(out) && /\.dcm$/i.test(out);

const labelName = /\.(nii(\.gz)?|dcm)$/i;
/** Of a scan in one file. */
const scanName = /\.(nii(\.gz)?|nrrd|nhdr|mha|mhd|zip|dcm)$/i;
const isHidden = (path: string): boolean => basename(path).startsWith("._");
/** Whether a file in a folder is a scan of its own. A .zip there may be anything, a .dcm is one slice of many. */
const isScan = (name: string): boolean => scanName.test(name) && !/\.(zip|dcm)$/i.test(name) && !isHidden(name);

/** How the files of scans are found and called. */
export interface SegmentFilesOptions {
  readonly preview?: boolean;
  readonly maps?: MapPaths;
  /** Names of the model's channels, where it takes several. */
  readonly channels?: readonly string[];
}

/**
 * The scans that were named, and where their labels go: the file itself for one scan and a name that ends in .nii,
 * .nii.gz or .dcm, else a folder.
 * @throws DataError when a scan is not there or its folder cannot be read, when a file is where a folder is to be or a
 * folder where a file, or an output is a scan however it is spelled, is another's too, or would be taken for a scan in the
 * folder where it is to be, or is a DICOM SEG of another scan than a DICOM series.
 */
export async function segmentFiles(
  named: readonly string[],
  out: string,
  { preview = false, maps = {}, channels = [] }: SegmentFilesOptions = {},
): Promise<SegmentFiles[]> {
  const found = await scansOf(named);
  const { folders } = found;
  const groups = await scansOfChannels(found.scans, channels);
  const scans = groups.map(({ scan }) => scan);
  await requireKind(out);
  const nameOf = channels.length < 2 ? (name: string): string => name : withoutChannel;
  const outputs = outputsOf(scans, out, nameOf);
  const asked = uncertaintyMaps.flatMap((name) => {
    const path = maps[name];
    return path === undefined ? [] : [{ name, path }];
  });
  for (const { name, path } of asked) await requireMapPath(mapOptions[name], path);
  const files = groups.map((group, i): SegmentFiles => {
    const output = outputs[i] ?? "";
    const own = asked.map(({ name, path }) => [name, outputsOf(scans, path, nameOf)[i]]);
    return {
      ...group,
      output,
      preview: preview ? output.replace(labelName, ".png") : undefined,
      maps: Object.fromEntries(own),
    };
  });
  requireOnce(files);
  await requireNoInput(
    files.flatMap(({ output, preview: picture, maps: own }) => [
      { option: "-o", path: output },
      ...(picture === undefined ? [] : [{ option: "-o", path: picture }]),
      ...asked.map(({ name }) => ({ option: mapOptions[name], path: own[name] ?? "" })),
    ]),
    groups.flatMap(({ scan, otherChannels = [] }) => [scan, ...otherChannels]).map((path) => ({ what: "scan", path })),
  );
  await requireOtherFolder(scans, folders, out);
  for (const { name, path } of asked) await requireOtherFolder(scans, folders, path, mapOptions[name]);
  if (isSegFile(out)) for (const scan of scans) await requireSeries(scan, out);
  for (const folder of new Set(outputs.map(dirname))) await requireOutsideVolumes(nodeStorage, folder, "-o");
  for (const { name, path } of asked) {
    const folder = isLabelFile(path) ? dirname(path) : path;
    await requireOutsideVolumes(nodeStorage, folder, mapOptions[name]);
  }
  return files;
}

/** @throws DataError when a map would be written to the place of labels, or of another map. */
function requireOnce(files: readonly SegmentFiles[]): void {
  for (const { output, maps } of files) {
    const paths = [output, ...Object.values(maps)].map((path) => resolve(path));
    const twice = paths.find((path, i) => paths.indexOf(path) !== i);
    if (twice !== undefined)
      throw new DataError(`labels and maps would both be written to ${twice}; name another path`);
  }
}

/** @throws DataError when maps cannot be written to a path. */
async function requireMapPath(option: string, path: string): Promise<void> {
  if (isSegFile(path)) throw new DataError(`${option} ${path}: maps are NIfTI; name a .nii.gz file or a folder`);
  await requireKind(path, option);
}

/** All scans, and those of them that are folders of a DICOM series. */
async function scansOf(named: readonly string[]) {
  const folders: string[] = [];
  const lists = await Promise.all(
    named.map(async (path) => {
      const found = await stat(path).catch((error: unknown) => {
        throw new DataError(`${path}: ${reason(error)}; give scans or a folder of them`);
      });
      if (!found.isDirectory()) return [path];
      const names = await readdir(path).catch((error: unknown) => {
        throw new DataError(`the folder ${path} cannot be read: ${reason(error)}`);
      });
      const inside = names.filter(isScan).sort();
      if (inside.length > 0) return inside.map((name) => join(path, name));
      if (names.length === 0) throw new DataError(`the folder ${path} is empty; give scans or a folder of them`);
      folders.push(path);
      return [path];
    }),
  );
  return { scans: lists.flat(), folders };
}

/** @throws DataError when the labels of a scan cannot be a DICOM SEG. */
async function requireSeries(scan: string, out: string): Promise<void> {
  if (await isSeries(scan)) return;
  throw new DataError(
    `-o ${out} is a DICOM SEG, which refers to the slices of a DICOM series, and ${scan} is none; name a .nii.gz file`,
  );
}

/** @throws DataError when there is a folder in the place of the labels of one scan, or a file in that of a folder. */
async function requireKind(out: string, option = "-o"): Promise<void> {
  const there = await stat(out).catch(() => undefined);
  if (there === undefined || there.isDirectory() !== isLabelFile(out)) return;
  throw new DataError(
    isLabelFile(out)
      ? `${option} ${out} is a folder with the name of a file; name another`
      : `${option} ${out} is a file whose name does not end in .nii, .nii.gz or .dcm; name one that does, or a folder`,
  );
}

function outputsOf(scans: readonly string[], out: string, nameOf: (name: string) => string): string[] {
  if (isLabelFile(out)) {
    if (scans.length > 1) {
      throw new DataError(`${out} is one file, but there are ${scans.length} scans; name a folder with -o`);
    }
    return [out];
  }
  const outputs = scans.map((scan) => join(out, `${nameOf(basename(resolve(scan))).replace(scanName, "")}.nii.gz`));
  const twice = outputs.find((name, i) => outputs.indexOf(name) !== i);
  if (twice !== undefined) throw new DataError(`two of the scans would be written to ${twice}; segment them apart`);
  return outputs;
}

/** @throws DataError when labels would be among the files of scans, or of a series. */
async function requireOtherFolder(
  scans: readonly string[],
  series: readonly string[],
  out: string,
  option = "-o",
): Promise<void> {
  const isFile = isLabelFile(out);
  const folder = isFile ? dirname(out) : out;
  // A file that is named for the labels of one scan may be beside it.
  const taken = isFile ? series : scans.map((scan) => (series.includes(scan) ? scan : dirname(scan)));
  for (const each of new Set(taken)) {
    if (await isSameFile(nodeStorage, each, folder))
      throw new DataError(
        `${option} ${out} is ${isFile ? "in " : ""}the folder of the scans, where the labels of one would be taken for another; name another ${isFile ? "file" : "folder"}`,
      );
  }
}

/** Paths of all that is written of a scan. */
export const writtenPaths = ({ output, preview, maps }: SegmentFiles): readonly string[] => [
  output,
  ...(preview === undefined ? [] : [preview]),
  ...Object.values(maps),
];

/** @throws DataError when one of these files is there already. */
export async function requireNone(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const there = await stat(path).then(
      () => true,
      () => false,
    );
    if (there) throw new DataError(`${path} is there already; remove it or add --force`);
  }
}
