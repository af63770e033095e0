import { DataError, entryAt, type Volume, writeNifti } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { command } from "../command-line/command.js";
import { flag, path, required, text } from "../command-line/option.js";
import { say, warn } from "../shared/output.js";
import { isSeries, type ReadScanOptions, readDicomSeries, readScanFile } from "../shared/read-scan.js";
import { brief } from "../shared/text.js";

/** `lobule data convert SCAN -o FILE`: a volume of another form as NIfTI. */
export const convertCommand = command({
  name: "data convert",
  describe: "Write a DICOM series, NRRD or MetaImage as NIfTI",
  positionals: {
    scan: required(
      path("folder or .zip of a DICOM series, enhanced .dcm, .nrrd, .nhdr, .mha, .mhd or NIfTI", "input", "SCAN"),
    ),
  },
  options: {
    out: required(path("file to write", "file", "FILE.nii.gz", { short: "o" })),
    series: text("UID of the series, where the folder holds several", "UID"),
    force: flag("replace a file that is there"),
  },
  examples: [
    ["data convert scan.nrrd -o scan.nii.gz", "the same voxels in the same place"],
    ["data convert series -o scan.nii.gz", "a folder of DICOM files"],
  ],
  run: async ({ scan, out, series, force }) => {
    if (!/\.nii(\.gz)?$/i.test(out)) throw new DataError(`-o ${out}: the name of the file must end in .nii or .nii.gz`);
    if (!force && (await entryAt(nodeStorage, out)) !== undefined)
      throw new DataError(`${out} is there already; remove it or add --force`);
    const volume = await volumeOf(scan, { series });
    await writeNifti(nodeStorage, out, volume);
    say(`${out}: ${volume.shape.join("×")} voxels of ${volume.spacing.map(brief).join("×")} mm`);
  },
});

async function volumeOf(scan: string, options: ReadScanOptions): Promise<Volume> {
  if (!(await isSeries(scan))) return readScanFile(scan, options);
  const series = await readDicomSeries(scan, options);
  for (const note of series.notes) warn(`note: ${note}`);
  return series;
}
