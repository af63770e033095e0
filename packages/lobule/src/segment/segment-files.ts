import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DataError, isSameFile, reason, requireOutsideVolumes } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { requireNoInput } from "../shared/outputs.js";

/** A scan and what is written of it. */
export interface SegmentFiles {
  readonly scan: string;
  /** Path of its labels. */
  readonly output: string;
  /** Path of its picture, where one is asked for. */
  readonly preview: string | undefined;
}

/** Whether an output is a file for the labels of one scan; else it is a folder. */
export const isLabelFile = (out: string): boolean => isScan(out);

const extension = /\.nii(\.gz)?$/i;
const isScan = (name: string): boolean => extension.test(name) && !basename(name).startsWith("._");

/**
 * The scans that were named, and where their labels go: the file itself for one scan and a name that ends in .nii(.gz),
 * else a folder.
 * @throws DataError when a scan is not there or its folder cannot be read, when a file is where a folder is to be or a
 * folder where a file, or an output is a scan however it is spelled, is another's too, or would be taken for a scan in the
 * folder where it is to be.
 */
export async function segmentFiles(named: readonly string[], out: string, preview: boolean): Promise<SegmentFiles[]> {
  const scans = await scansOf(named);
  await requireKind(out);
  const outputs = outputsOf(scans, out);
  const files = scans.map((scan, i): SegmentFiles => {
    const output = outputs[i] ?? "";
    return { scan, output, preview: preview ? output.replace(extension, ".png") : undefined };
  });
  await requireNoInput(
    files.flatMap(({ output, preview: picture }) => [
      { option: "-o", path: output },
      ...(picture === undefined ? [] : [{ option: "-o", path: picture }]),
    ]),
    scans.map((path) => ({ what: "scan", path })),
  );
  if (!isScan(out)) await requireOtherFolder(scans, out);
  for (const folder of new Set(outputs.map(dirname))) await requireOutsideVolumes(nodeStorage, folder, "-o");
  return files;
}

async function scansOf(named: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    named.map(async (path) => {
      const found = await stat(path).catch((error: unknown) => {
        throw new DataError(`${path}: ${reason(error)}; give .nii or .nii.gz files or a folder of them`);
      });
      if (!found.isDirectory()) return [path];
      const names = await readdir(path).catch((error: unknown) => {
        throw new DataError(`the folder ${path} cannot be read: ${reason(error)}`);
      });
      const inside = names.filter(isScan).sort();
      if (inside.length === 0) throw new DataError(`${path}: the folder holds no .nii or .nii.gz files`);
      return inside.map((name) => join(path, name));
    }),
  );
  return lists.flat();
}

/** @throws DataError when there is a folder in the place of the labels of one scan, or a file in that of a folder. */
async function requireKind(out: string): Promise<void> {
  const there = await stat(out).catch(() => undefined);
  if (there === undefined || there.isDirectory() !== isScan(out)) return;
  throw new DataError(
    isScan(out)
      ? `-o ${out} is a folder with the name of a file; name another`
      : `-o ${out} is a file whose name does not end in .nii or .nii.gz; name one that does, or a folder`,
  );
}

function outputsOf(scans: readonly string[], out: string): string[] {
  if (isScan(out)) {
    if (scans.length > 1) {
      throw new DataError(`${out} is one file, but there are ${scans.length} scans; name a folder with -o`);
    }
    return [out];
  }
  const outputs = scans.map((scan) => join(out, `${basename(scan).replace(extension, "")}.nii.gz`));
  const twice = outputs.find((name, i) => outputs.indexOf(name) !== i);
  if (twice !== undefined) throw new DataError(`two of the scans would be written to ${twice}; segment them apart`);
  return outputs;
}

async function requireOtherFolder(scans: readonly string[], out: string): Promise<void> {
  for (const folder of new Set(scans.map(dirname))) {
    if (await isSameFile(nodeStorage, folder, out))
      throw new DataError(
        `-o ${out} is the folder of the scans, where the labels of one would be taken for another; name another folder`,
      );
  }
}

/** @throws DataError when the labels or the picture of a scan are there already. */
export async function requireNone({ output, preview }: SegmentFiles): Promise<void> {
  for (const path of [output, ...(preview === undefined ? [] : [preview])]) {
    const there = await stat(path).then(
      () => true,
      () => false,
    );
    if (there) throw new DataError(`${path} is there already; remove it or add --force`);
  }
}
