import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, relative } from "node:path";
import { DataError, entryAt, plural, readImage, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { readModels, requireAlike, type SavedModel } from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { choice, flag, path, repeated, required, text, withDefault } from "../command-line/option.js";
import { type DicomForm, dicomResultOf } from "../shared/dicom-result.js";
import { say, warn } from "../shared/output.js";
import { requireNoInput } from "../shared/outputs.js";
import { readDicomSeries } from "../shared/read-scan.js";

const positionals = { labels: required(path("labels of the series, as segment writes them", "input", "LABELS")) };
const options = {
  scan: required(path("folder or .zip of the DICOM series, or an enhanced .dcm", "input", "SERIES")),
  model: required(
    repeated(
      path(
        "run, cross-validation or checkpoint that made the labels, which names the classes; of several, one by one",
        "input",
        "RUN",
        { short: "m" },
      ),
    ),
  ),
  out: required(path("file to write, .dcm", "file", "FILE", { short: "o" })),
  series: text("UID of the series, where the folder holds several", "UID"),
  anonymize: flag("leave out the patient's name, number, birth date and sex, and the study's dates and numbers"),
  force: flag("replace a file that is there"),
};
type ExportArguments = Values<typeof positionals & typeof options>;

export const exportDicomSegCommand = command({
  name: "export dicom-seg",
  describe: "Write labels as DICOM SEG that refers to the series",
  positionals,
  options: {
    ...options,
    type: withDefault(
      choice(["binary", "labelmap"], "a frame of bits a class, or of labels, which few viewers know"),
      "binary",
    ),
  },
  run: ({ type, ...args }) => exportDicom(type, args),
  examples: [["export dicom-seg labels.nii.gz --scan series -m RUN -o seg.dcm", "for an archive (PACS)"]],
});

export const exportDicomRtstructCommand = command({
  name: "export dicom-rtstruct",
  describe: "Write labels as outlines for radiotherapy (RTSTRUCT)",
  positionals,
  options,
  run: (args) => exportDicom("rtstruct", args),
  examples: [["export dicom-rtstruct labels.nii.gz --scan series -m RUN -o rt.dcm", "for a planning system"]],
});

/** @throws DataError when a file would be written among those of a series, where it could replace one. */
async function requireOutside(series: string, out: string): Promise<void> {
  const [folder, place] = await Promise.all([series, dirname(out)].map((path) => realpath(path).catch(() => path)));
  const way = relative(folder ?? series, place ?? out);
  if (way === "" || !(way.startsWith("..") || isAbsolute(way))) {
    throw new DataError(`${out} would be among the files of the series ${series}; name another place with --out`);
  }
}

async function exportDicom(
  form: DicomForm,
  { labels, scan, model, out, series, anonymize, force }: ExportArguments,
): Promise<void> {
  if (!force && (await entryAt(nodeStorage, out)) !== undefined)
    throw new DataError(`${out} is there already; remove it or add --force`);
  await requireNoInput(
    [{ option: "--out", path: out }],
    [
      { what: "label file", path: labels },
      { what: "series", path: scan },
    ],
  );
  await requireOutside(scan, out);
  // Nothing of the model is run: its classes are read.
  const models: SavedModel[] = [];
  for (const each of model) models.push(...(await readModels(nodeStorage, each, { trustCode: true })));
  const { description } = requireAlike(models);
  const source = await readDicomSeries(scan, { series });
  for (const note of source.notes) warn(`note: ${note}`);
  const volume = await readImage(nodeStorage, labels);
  const bytes = await dicomResultOf(source, volume, {
    form,
    anonymize,
    classes: description.classes,
    models: models.map(({ sha256 }) => sha256),
    names: [labels, scan],
  });
  await writeFileAtomically(nodeStorage, out, bytes);
  const found = new Set<number>(volume.data);
  const names = description.classes.filter((_, label) => label > 0 && found.has(label));
  say(`${out}: ${names.join(", ")} of ${plural(source.slices.length, "slice")}`);
}
