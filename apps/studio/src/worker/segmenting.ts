import { exists, joinPath, readBytes, readNiftiHeader, writePhantom } from "@lobule/data";
import { segmentPreview } from "@lobule/report";
import type { Device } from "@lobule/tensor";
import {
  type GateMap,
  inspectSlice,
  type Labeled,
  type LabeledBy,
  modalityNote,
  readModel,
  type SavedModel,
  SlicePredictor,
  segmentRecordText,
  segmentVolume,
  unfinishedNote,
  volumesOf,
} from "@lobule/train";
import { transfer } from "comlink";
import type { DroppedFile } from "../parts/dropped-files.js";
import { signalOf, type Watcher } from "../parts/long-call.js";
import type { Means } from "./means.js";
import { addModel, bundledModel, fetchBundled, listModels, type ModelChoice } from "./models.js";
import { openLabels, openScan, requireFit, scanBudget } from "./open-scan.js";
import { keepScans, type ScanFile, scansOfTask, stemOf } from "./scan-files.js";

/** How a scan is segmented; as the command's flags. */
export interface SegmentChoices {
  readonly mirror: boolean;
  readonly largestComponent: boolean;
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
  /** Names, background first. */
  readonly classes: readonly string[];
  /** Slices that the network looks at to label one. */
  readonly inputSlices: number;
  /** HU that the network tells apart. */
  readonly window: readonly [number, number];
  readonly by: LabeledBy;
  /** PNG of some slices. */
  readonly preview: Uint8Array;
  readonly seconds: number;
}

const labelFolder = "/labels";
const example = { folder: "/scans/example", seed: 2026, size: 128, slices: [32, 32] } as const;

/** Segments scans that this browser keeps. */
export class Segmenting {
  private opened:
    | { readonly device: Device; readonly model: SavedModel; readonly key: string; readonly predictor: SlicePredictor }
    | undefined;

  constructor(private readonly means: Means) {}

  /** A synthetic scan, drawn here. */
  async example(): Promise<ScanFile> {
    const storage = await this.means.storage();
    const { folder, seed, size, slices } = example;
    const path = joinPath(folder, "imagesTr/phantom_001.nii.gz");
    if (!(await exists(storage, joinPath(folder, "dataset.json"))))
      await writePhantom(storage, folder, { cases: 1, testCases: 0, size, slices, seed, force: true });
    return { path, name: "Example" };
  }

  async keepScans(files: readonly DroppedFile[]): Promise<ScanFile[]> {
    return keepScans(await this.means.storage(), files);
  }

  async scansOfTask(folder: string): Promise<ScanFile[]> {
    return scansOfTask(await this.means.storage(), folder);
  }

  async models(): Promise<ModelChoice[]> {
    return listModels(await this.means.storage());
  }

  async addModel(files: readonly DroppedFile[]): Promise<ModelChoice> {
    return addModel(await this.means.storage(), files);
  }

  async open(path: string) {
    const scan = await openScan(await this.means.storage(), path, scanBudget());
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
    const { predictor, saved } = await this.predictorOf(model, address, choices.mirror);
    signal.throwIfAborted();
    await storage.makeFolder(labelFolder);
    const path = joinPath(labelFolder, `${stemOf(scan)}.nii.gz`);
    const result = await segmentVolume(storage, predictor, scan, path, {
      signal,
      previews: 12,
      onProgress: (done, total) => watcher.progress({ stage: "labeling", done, total }),
      ...(choices.largestComponent ? { largestComponent: { asOne: true } } : {}),
    });
    const { description } = saved;
    const notes = [await unfinishedNote(storage, saved.source), await modalityNote(storage, saved.source, [scan])];
    const found: Segmented = {
      path,
      labels: await openLabels(storage, path),
      classes: description.classes,
      inputSlices: description.inputSlices,
      window: description.window,
      volumes: volumesOf(result, description.classes),
      notes: [...result.notes, ...notes.filter((note) => note !== undefined)],
      by: { model: saved.sha256, mirror: choices.mirror, precision: "f32", largestComponent: choices.largestComponent },
      preview: segmentPreview(result, description),
      seconds: (performance.now() - started) / 1000,
    };
    return transfer(found, [found.labels.buffer]);
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
    inspected: { readonly slices: readonly Int16Array[]; readonly width: number; readonly height: number },
  ): Promise<readonly GateMap[]> {
    const device = await this.means.device();
    const { saved } = await this.predictorOf(model, address, false);
    return (await inspectSlice(device, saved, inspected)).gates;
  }

  private async predictorOf(model: ModelChoice, address: string, mirror: boolean) {
    const [storage, device] = [await this.means.storage(), await this.means.device()];
    if (model.path === bundledModel.path) await fetchBundled(storage, address);
    const saved = await readModel(storage, model.path);
    const key = `${saved.sha256} ${mirror}`;
    if (this.opened?.key === key && this.opened.device === device) return { predictor: this.opened.predictor, saved };
    await this.opened?.predictor.close();
    const predictor = new SlicePredictor(device, saved, { mirror });
    this.opened = { device, model: saved, key, predictor };
    return { predictor, saved };
  }
}
