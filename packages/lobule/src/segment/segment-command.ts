import { dirname } from "node:path";
import { DataError, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { segmentPreview } from "@lobule/report";
import type { Device } from "@lobule/tensor";
import {
  channelsOf,
  drawnWindow,
  type Labeled,
  type LabeledBy,
  type MapPaths,
  modalityNote,
  otherWeightsNote,
  type Postprocessing,
  postprocessingOf,
  postprocessingText,
  readModels,
  requireAlike,
  type SavedModel,
  type SegmentResult,
  SlicePredictor,
  unfinishedNote,
  volumesOf,
} from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import {
  choice,
  flag,
  list,
  path,
  repeated,
  required,
  text,
  toggle,
  whole,
  withDefault,
} from "../command-line/option.js";
import { interruptible } from "../shared/interruption.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say, sayJson, warn } from "../shared/output.js";
import { type Progress, progress } from "../shared/progress.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";
import { isLabelFile, requireNone, type SegmentFiles, segmentFiles, writtenPaths } from "./segment-files.js";
import { SegmentRecord } from "./segment-record.js";
import { openScan, segmentScan } from "./segment-scan.js";

const positionals = {
  scans: required(
    list(
      path(
        "NIfTI, NRRD or MetaImage files, folders of them, or the folder or .zip of a DICOM series; of several channels CASE_0000.nii.gz, with CASE_0001.nii.gz and so on beside it, or one file of four axes",
        "input",
        "SCAN",
      ),
    ),
  ),
};
const options = {
  model: required(
    repeated(
      path(
        "folder of a run or a cross-validation, or checkpoint; of several, given one by one, the scores are averaged",
        "input",
        "RUN",
        {
          short: "m",
        },
      ),
    ),
  ),
  out: required(
    path("labels: a .nii.gz file, a .dcm file (DICOM SEG of a series), or a folder", "file or folder", "PATH", {
      short: "o",
    }),
  ),
  series: text("UID of the DICOM series, where a folder holds several", "UID"),
  mirror: flag("average each prediction over mirror images"),
  "largest-component": flag("keep the largest connected part of the organ"),
  postprocessing: toggle("do to labels what `postprocess` chose for the run [where it did]"),
  uncertainty: path(
    "also write how unsure the model is, the entropy of its probabilities in nats, as NIfTI: a file or a folder, as -o",
    "file or folder",
    "PATH",
  ),
  disagreement: path(
    "of several models, also write how far they differ: that entropy less the mean of their own",
    "file or folder",
    "PATH",
  ),
  preview: flag("also write a PNG of some slices"),
  "at-once": withDefault(whole("slices that the network takes at once", { least: 1 }), 4),
  precision: withDefault(choice(["f32", "f16"], "type in which activations are stored"), "f32"),
  force: flag("replace files that are there"),
  json: flag("print volumes as JSON"),
  "trust-code": trustCodeOption,
  device: deviceOption,
};
type SegmentArguments = Values<typeof positionals & typeof options>;

export const segmentCommand = command({
  name: "segment",
  describe: "Label CT scans with a trained model",
  positionals,
  options,
  run: segment,
  examples: [
    ["segment scan.nii.gz -m runs/liver -o labels.nii.gz --preview", "one scan"],
    ["segment imagesTs -m runs/liver -o labels", "every scan of a folder"],
    ["segment imagesTs/*_0000.nii.gz -m runs/mr -o labels", "scans of several channels, _0001 and so on beside them"],
    ["segment series -m runs/liver -o labels.dcm", "a DICOM series, for an archive (PACS)"],
    ["segment scan.nii.gz -m runs/folds -o labels.nii.gz", "by the models of a cross-validation together"],
    ["segment scan.nii.gz -m runs/seed0 -m runs/seed1 -o labels.nii.gz", "by the mean of two models"],
    ["segment scan.nii.gz -m RUN -o labels.nii.gz --uncertainty map.nii.gz", "and how unsure it is"],
  ],
});

const words = {
  stopping: "stopping",
  stopped: "interrupted; scans that were done have their labels, the others have none",
};

/** What one -m names: a model, or those of a cross-validation. */
interface GivenModels {
  readonly path: string;
  readonly models: readonly SavedModel[];
}

/** A scan that could not be segmented, and why. */
interface Failure {
  readonly scan: string;
  readonly error: string;
}

async function segment(args: SegmentArguments): Promise<void> {
  const { mirror, precision, largestComponent, force, json } = args;
  const maps = mapsOf(args);
  const given: GivenModels[] = [];
  for (const path of args.model) given.push({ path, models: await readModels(nodeStorage, path, codeTrust(args)) });
  const models = given.flatMap((each) => each.models);
  const channels = requireAlike(models).description.channels?.map(({ name }) => name) ?? [];
  const all = await segmentFiles(args.scans, args.out, { preview: args.preview, maps, channels });
  if (maps.disagreement !== undefined && models.length === 1) {
    throw new DataError("--disagreement is of several models; give more than one -m, or --uncertainty for one");
  }
  const chosen = await chosenFor(given, args);
  const by: LabeledBy = {
    model: models.map(({ sha256 }) => sha256).join(" "),
    mirror,
    precision,
    largestComponent,
    ...(chosen === undefined ? {} : { postprocessing: postprocessingText(chosen) }),
  };
  // Labels of one scan in a file of their own are nobody's to continue.
  const record = isLabelFile(args.out) ? undefined : await SegmentRecord.open(args.out, args.series);
  const done: (SegmentFiles & { readonly found: Labeled })[] = [];
  const left: SegmentFiles[] = [];
  for (const files of all) {
    const found = force ? undefined : await record?.find(files, by);
    if (found !== undefined) done.push({ ...files, found });
    else {
      // Labels whose picture or map is missing are computed again.
      if (!force) await requireNone((await record?.foreignPaths(files, by)) ?? writtenPaths(files));
      left.push(files);
    }
  }
  const notes = await Promise.all(models.map((model) => notesOf(model, all)));
  const ofAll = args.postprocessing === false ? [] : await postprocessingNotes(given, chosen);
  for (const note of new Set([...notes.flat(), ...twiceNotes(models), ...ofAll])) warn(`note: ${note}`);
  for (const { scan, output, found } of done) report(scan, output, found, json, true);
  const failures = await segmentAll(left, { models, chosen }, args, (files, found) => record?.add(files, by, found));
  if (failures.length === 0) return;
  const messages = failures.map(({ error }) => error).join("; ");
  throw new DataError(
    all.length === 1
      ? messages
      : `${failures.length} of ${all.length} scans could not be segmented: ${messages}; the others are, and the same command does what is missing`,
  );
}

/** What is done to labels: what was chosen for a model or an ensemble, not for models that are named one by one. */
async function chosenFor(
  [first, ...others]: readonly GivenModels[],
  { postprocessing = true }: SegmentArguments,
): Promise<Postprocessing | undefined> {
  if (!postprocessing || first === undefined || others.length > 0) return undefined;
  return postprocessingOf(nodeStorage, first.path, first.models);
}

/** Says what is done to labels, or that what was chosen for one of several models is not. */
async function postprocessingNotes(
  given: readonly GivenModels[],
  chosen: Postprocessing | undefined,
): Promise<string[]> {
  if (chosen !== undefined) return [`labels are post-processed: ${postprocessingText(chosen)}`];
  if (given.length === 1) return [];
  const found = await Promise.all(given.map(({ path, models }) => postprocessingOf(nodeStorage, path, models)));
  return given
    .filter((_, i) => found[i] !== undefined)
    .map(({ path }) => `the post-processing chosen for ${path} is not done to labels of several models`);
}

/** Models whose scores count more than once. */
function twiceNotes(models: readonly SavedModel[]): string[] {
  const before = new Map<string, string>();
  return models.flatMap(({ source, sha256 }) => {
    const same = before.get(sha256);
    before.set(sha256, same ?? source);
    if (same === undefined) return [];
    const holds = same === source ? "is given" : `holds the weights of ${same}, which are given`;
    return [`${source} ${holds} more than once, and the scores count each time`];
  });
}

/** Where maps go. */
const mapsOf = ({ uncertainty, disagreement }: SegmentArguments): MapPaths => ({
  ...(uncertainty === undefined ? {} : { entropy: uncertainty }),
  ...(disagreement === undefined ? {} : { disagreement }),
});

/** What is to be known before anything is labeled, a sentence each. */
async function notesOf(model: SavedModel, files: readonly SegmentFiles[]): Promise<string[]> {
  const scans = files.map(({ scan }) => scan);
  const notes = [
    await unfinishedNote(nodeStorage, model.source),
    await modalityNote(nodeStorage, model.source, scans),
    await otherWeightsNote(nodeStorage, model),
  ];
  return notes.filter((note) => note !== undefined);
}

/** @throws what is no fault of the scan's. */
function failureOf(scan: string, error: unknown): Failure {
  if (!(error instanceof DataError)) throw error;
  return { scan, error: error.message };
}

/** Models, and what is done to their labels. */
interface Segmenting {
  readonly models: readonly SavedModel[];
  readonly chosen: Postprocessing | undefined;
}

/**
 * Labels one scan after another; one that cannot be does not keep the others from it. The GPU is opened for the first one
 * that can be read.
 */
async function segmentAll(
  files: readonly SegmentFiles[],
  segmenting: Segmenting,
  args: SegmentArguments,
  onDone: (files: SegmentFiles, found: Labeled) => Promise<void> | undefined,
): Promise<Failure[]> {
  const { atOnce, mirror, precision, json } = args;
  const { models } = segmenting;
  const { description } = requireAlike(models);
  const channels = channelsOf(description).length;
  const failures: Failure[] = [];
  let device: Device | undefined;
  let predictor: SlicePredictor | undefined;
  const opened = async (): Promise<SlicePredictor> => {
    const uncertainty = Object.keys(mapsOf(args)).length > 0;
    device ??= await openDevice();
    predictor ??= new SlicePredictor(device, models, { atOnce, mirror, precision, uncertainty });
    return predictor;
  };
  try {
    await interruptible(words, async (signal) => {
      for (const [i, each] of files.entries()) {
        const { scan, output, preview } = each;
        const bar = progress(`segmenting ${files.length > 1 ? `${i + 1}/${files.length}` : ""}`.trim());
        try {
          const result = await labelScan(each, segmenting, args, { channels, opened, bar, signal });
          bar.end();
          const found = { volumes: volumesOf(result, description.classes), notes: result.notes };
          await onDone(each, found);
          if (preview !== undefined) {
            const window = drawnWindow(channelsOf(description)[0], result.zScores[0]);
            await writeFileAtomically(nodeStorage, preview, segmentPreview(result, { ...description, window }));
          }
          report(scan, output, found, json, false);
        } catch (error) {
          bar.end();
          const failure = failureOf(scan, error);
          failures.push(failure);
          if (json) sayJson(JSON.stringify(failure));
        } finally {
          bar.end();
        }
      }
    });
  } finally {
    device?.destroy();
  }
  return failures;
}

interface Labeling {
  /** That the models take. */
  readonly channels: number;
  /** The predictor on its GPU, which is opened when it is first asked for. */
  opened(): Promise<SlicePredictor>;
  readonly bar: Progress;
  readonly signal: AbortSignal;
}

/** Labels a scan, and writes the labels and maps into folders that are made where they are missing. */
async function labelScan(
  files: SegmentFiles,
  { models, chosen }: Segmenting,
  { series, largestComponent }: SegmentArguments,
  { channels, opened, bar, signal }: Labeling,
): Promise<SegmentResult> {
  const { output, preview, maps } = files;
  const open = await openScan(files, { series, signal, channels });
  const predictor = await opened();
  for (const file of [output, ...Object.values(maps)]) await nodeStorage.makeFolder(dirname(file));
  return segmentScan(predictor, models, open, files, {
    signal,
    previews: preview === undefined ? 0 : 12,
    onProgress: (done, total) => bar.update(done, total, "slices"),
    ...(Object.keys(maps).length > 0 ? { maps } : {}),
    ...(chosen === undefined ? {} : { postprocessing: chosen }),
    ...(largestComponent ? { largestComponent: { asOne: true } } : {}),
  });
}

function report(scan: string, output: string, { volumes, notes }: Labeled, json: boolean, before: boolean): void {
  for (const note of notes) warn(`note: ${scan}: ${note}`);
  if (json) sayJson(JSON.stringify({ scan, output, volumes, notes, alreadyThere: before }));
  else
    say(
      `${output}: ${volumes.map(({ name, millilitres, voxels }) => (voxels === 0 ? `no ${name} found` : `${name} ${millilitres.toFixed(1)} ml`)).join(", ")}${before ? " (there already)" : ""}`,
    );
}
