import {
  canonicalGrid,
  DataError,
  dirName,
  exists,
  FileReadError,
  type Grid,
  joinPath,
  readBytes,
  readNiftiHeader,
  type Vector3,
  writePhantom,
} from "@lobule/data";
import { segmentPreview } from "@lobule/report";
import { PlanError } from "@lobule/tensor";
import {
  channelsOf,
  drawnWindow,
  type GateMap,
  inspectSlice,
  isByImage,
  type Labeled,
  type LabeledBy,
  modalityNote,
  otherWeightsNote,
  postprocessingText,
  type SegmentResult,
  type SliceInspection,
  type SlicePredictor,
  segmentRecordText,
  segmentVolume,
  unfinishedNote,
  volumesOf,
} from "@lobule/train";
import { transfer } from "comlink";
import type { DroppedFile } from "../parts/dropped-files.js";
import { signalOf, type Watcher } from "../parts/long-call.js";
import { centerOf } from "./center.js";
import { keptFiles, removeKept } from "./kept-files.js";
import type { Means } from "./means.js";
import type { ModelInUse } from "./model-in-use.js";
import { addModel, listModels, type ModelChoice } from "./models.js";
import { type OpenedScan, openLabels, openScan, requireFit, scanBudget } from "./open-scan.js";
import { exampleFolder, keepScans, labelsOf, type ScanFile, scansOfTask, stemOf } from "./scan-files.js";
import { taskFolder } from "./tasks.js";

/** How a scan is segmented; as the command's flags. */
export interface SegmentChoices {
  readonly mirror: boolean;
  readonly largestComponent: boolean;
}

/** What attention gates let through on a slice. */
export interface Gates {
  readonly gates: readonly GateMap[];
  /** The network's input: its extents, and where places of the slice are in it. */
  readonly input: Pick<SliceInspection["input"], "width" | "height" | "transform">;
}

/** How far a segmentation is. */
export interface SegmentProgress {
  /** Before the first slice the network's kernels are compiled. */
  readonly stage: "preparing" | "labeling";
  readonly done: number;
  readonly total: number;
}

/** What was found in a scan. */
export interface Segmented extends Labeled {
  /** Of the labels' file. */
  readonly path: string;
  /** Of each voxel, in the viewer's order. */
  readonly labels: Uint8Array<ArrayBuffer>;
  /** Voxels of each class, the background's first. */
  readonly voxels: readonly number[];
  /** In the middle of what was found; undefined where that is nothing. */
  readonly center: Vector3 | undefined;
  /** Names, background first. */
  readonly classes: readonly string[];
  /** Slices that the network looks at to label one. */
  readonly inputSlices: number;
  /** HU that are drawn black and white. */
  readonly window: readonly [number, number];
  readonly by: LabeledBy;
  /** PNG of some slices. */
  readonly preview: Uint8Array;
  readonly seconds: number;
}

const example = { seed: 2026, size: 128, slices: [32, 32] } as const;

/**
 * Compiles the network for the slices that a header promises, before one is read.
 * @throws PlanError where they take more than the adapter has.
 */
async function prepareFor(
  predictor: SlicePredictor,
  { shape: [width, height], spacing }: Pick<Grid, "shape" | "spacing">,
  scan: string,
): Promise<void> {
  try {
    await predictor.prepareFor(width, height, spacing);
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    const [why = ""] = error.message.split(";");
    throw new PlanError(
      `slices of ${width}×${height}, as ${stemOf(scan)} has them, are too large for this browser's adapter (${why}); crop the scan, or segment it by the command`,
    );
  }
}

/** Segments scans that this browser keeps. */
export class Segmenting {
  constructor(
    private readonly means: Means,
    private readonly model: ModelInUse,
  ) {}

  /** A synthetic scan, drawn here. */
  async example(): Promise<ScanFile> {
    const storage = await this.means.storage();
    const { seed, size, slices } = example;
    const path = joinPath(exampleFolder, "imagesTr/phantom_001.nii.gz");
    if (!(await exists(storage, joinPath(exampleFolder, "dataset.json"))))
      await writePhantom(storage, exampleFolder, { cases: 1, testCases: 0, size, slices, seed, force: true });
    return { path, name: "Example" };
  }

  async keepScans(files: readonly DroppedFile[]): Promise<ScanFile[]> {
    return keepScans(await this.means.storage(), files);
  }

  /** The scans of a training set. */
  async scansOfTask(name: string): Promise<ScanFile[]> {
    return scansOfTask(await this.means.storage(), taskFolder(name));
  }

  async models(): Promise<ModelChoice[]> {
    return listModels(await this.means.storage());
  }

  async addModel(files: readonly DroppedFile[]): Promise<ModelChoice> {
    return addModel(await this.means.storage(), files);
  }

  /**
   * Opens a scan for the viewer.
   * @throws DataError where it is broken or too large; a copy that was made of it is removed then, so that a sound one can
   * take its name.
   */
  async open(path: string) {
    const storage = await this.means.storage();
    const scan = await openScan(storage, path, scanBudget()).catch(async (error: unknown) => {
      const broken = error instanceof DataError && !(error instanceof FileReadError);
      const copy = broken ? (await keptFiles(storage)).find(({ paths }) => paths.includes(path)) : undefined;
      if (copy !== undefined) await removeKept(storage, copy);
      throw error;
    });
    return transfer(scan, [scan.data.buffer]);
  }

  /**
   * Labels a scan as `lobule segment` does.
   * @param address of the model that comes with the page.
   */
  async segment(
    scan: string,
    model: ModelChoice,
    address: string,
    choices: SegmentChoices,
    watcher: Watcher<SegmentProgress>,
  ) {
    const started = performance.now();
    const signal = signalOf(watcher);
    const storage = await this.means.storage();
    const header = await readNiftiHeader(storage, scan);
    requireFit(scan, header, scanBudget());
    watcher.progress({ stage: "preparing", done: 0, total: header.shape[2] });
    const { predictor, saved } = await this.model.open(model, address, choices.mirror);
    signal.throwIfAborted();
    const grid = canonicalGrid(header);
    await prepareFor(predictor, grid, scan);
    signal.throwIfAborted();
    const path = labelsOf(scan);
    await storage.makeFolder(dirName(path));
    const result = await segmentVolume(storage, predictor, scan, path, {
      signal,
      previews: 12,
      onProgress: (done, total) => watcher.progress({ stage: "labeling", done, total }),
      ...(choices.largestComponent ? { largestComponent: { asOne: true } } : {}),
      ...(saved.postprocessing === undefined ? {} : { postprocessing: saved.postprocessing }),
    });
    const { description } = saved;
    const window = drawnWindow(channelsOf(description)[0], result.zScores[0]);
    const notes = [
      await unfinishedNote(storage, saved.source),
      await modalityNote(storage, saved.source, [scan]),
      await otherWeightsNote(storage, saved),
    ];
    const labels = await openLabels(storage, path);
    const found: Segmented = {
      path,
      labels,
      voxels: result.voxels,
      center: centerOf(labels, grid.shape),
      classes: description.classes,
      inputSlices: description.inputSlices,
      window,
      volumes: volumesOf(result, description.classes),
      notes: [...result.notes, ...notes.filter((note) => note !== undefined)],
      by: {
        model: saved.sha256,
        mirror: choices.mirror,
        precision: "f32",
        largestComponent: choices.largestComponent,
        ...(saved.postprocessing === undefined ? {} : { postprocessing: postprocessingText(saved.postprocessing) }),
      },
      preview: segmentPreview(result, { window: [...window], classes: description.classes }),
      seconds: (performance.now() - started) / 1000,
    };
    return transfer(found, [found.labels.buffer]);
  }

  /**
   * PNG of slices, as the one of `Segmented`.
   * @param shown in the viewer's order: slices whose labels were corrected.
   */
  async preview(
    shown: Pick<SegmentResult, "previews" | "voxels" | "milliliters"> & Pick<OpenedScan, "shape" | "spacing">,
    drawn: Pick<Segmented, "window" | "classes">,
  ): Promise<Uint8Array> {
    const { shape, spacing, ...rest } = shown;
    const { window, classes } = drawn;
    const header = { shape, spacing, orientation: "RAS" };
    return segmentPreview({ ...rest, header }, { window: [...window], classes: [...classes] });
  }

  /** The bytes of a file that this browser keeps. */
  async bytesOf(path: string) {
    const bytes = await readBytes(await this.means.storage(), path, "tensors");
    return transfer(bytes, [bytes.buffer]);
  }

  /** What a segment.json says of labels. */
  async statistics(
    scan: string,
    { path, by, volumes, notes }: Pick<Segmented, "path" | "by" | "volumes" | "notes">,
  ): Promise<string> {
    const storage = await this.means.storage();
    const entry = {
      scan,
      scanFile: (await storage.stat(scan)).stamp,
      outputFile: (await storage.stat(path)).stamp,
      by,
      volumes: [...volumes],
      notes: [...notes],
    };
    return segmentRecordText({ [path.slice(path.lastIndexOf("/") + 1)]: entry });
  }

  /**
   * What the attention gates let through on a slice.
   * @param inspected the slice, and where the model looks at neighbors those on either side, in the viewer's order.
   */
  async gates(
    model: ModelChoice,
    address: string,
    inspected: {
      readonly slices: readonly Int16Array[];
      readonly width: number;
      readonly height: number;
      readonly spacing: Vector3;
    },
  ): Promise<Gates> {
    const device = await this.means.device();
    const { saved } = await this.model.open(model, address, false);
    if (channelsOf(saved.description).some(isByImage)) {
      throw new DataError(
        "this model sees z-scores by the mean and standard deviation of the whole scan, for which the studio does not show attention gates; the command npx lobule inspect does",
      );
    }
    if (saved.description.crop !== undefined) {
      throw new DataError(
        "this model sees each scan cropped to its body, for which the studio does not show attention gates; the command npx lobule inspect does",
      );
    }
    const { gates, input } = await inspectSlice(device, saved, inspected);
    const { width, height, transform } = input;
    return { gates, input: { width, height, transform } };
  }
}
