import { batch, computed, signal } from "@preact/signals";
import { quickEngine } from "../engine/start-engine.js";
import type { DroppedFile } from "../parts/dropped-files.js";
import { longCall } from "../parts/long-call.js";
import { note, reportProblem } from "../parts/notices.js";
import { durationText } from "../parts/quantities.js";
import type { SliceMap } from "../viewer/draw-plane.js";
import { indexOf, type Voxel } from "../viewer/plane.js";
import { rangeOf, windowPresets } from "../viewer/window.js";
import type { KeptFile } from "../worker/kept-files.js";
import type { ModelChoice } from "../worker/models.js";
import type { OpenedScan } from "../worker/open-scan.js";
import type { ScanFile } from "../worker/scan-files.js";
import type { SegmentChoices, Segmented, SegmentProgress } from "../worker/segmenting.js";

/** What takes long, and how far it is. */
export interface Work {
  readonly label: string;
  readonly share: number | undefined;
  readonly detail: string;
  /** Ends it; undefined where it cannot be ended. */
  readonly cancel?: () => void;
}

/** Where the page has the model that comes with it. */
export const bundledAddress = new URL("./phantom.safetensors", document.baseURI).href;

export const scans = signal<readonly ScanFile[]>([]);
export const current = signal<ScanFile | undefined>(undefined);
export const scan = signal<OpenedScan | undefined>(undefined);
export const models = signal<readonly ModelChoice[]>([]);
export const model = signal<ModelChoice | undefined>(undefined);
export const choices = signal<SegmentChoices>({ mirror: false, largestComponent: false });
export const result = signal<Segmented | undefined>(undefined);
/** Rises whenever labels change in their array. */
export const revision = signal(0);
export const work = signal<Work | undefined>(undefined);

/** Labels that were corrected, by their scan's path: they are shown again with it. */
export const corrections = new Map<string, Segmented>();
/** Paths of scans with corrections that are in no training set and were not saved. */
const unsaved = new Set<string>();

/** Remembers that the labels of the open scan were corrected. */
export function keepCorrected(): void {
  const [file, found] = [current.value, result.value];
  if (file === undefined || found === undefined) return;
  corrections.set(file.path, found);
  unsaved.add(file.path);
}

/** Remembers that corrections are where they outlive the page. */
export const markSaved = (path: string): boolean => unsaved.delete(path);

addEventListener("beforeunload", (event) => {
  // The browser asks before it closes or reloads the page.
  if (unsaved.size > 0) event.preventDefault();
});

export const cursor = signal<Voxel>([0, 0, 0]);
/** The window of the screen: HU in the middle, and how many are told apart. */
export const contrast = signal<{ readonly level: number; readonly width: number }>(
  windowPresets[0] ?? { level: 40, width: 400 },
);
export const opacity = signal(0.45);
export const hidden = signal<ReadonlySet<number>>(new Set());
/** The attention gate's map that is drawn. */
export const gateMap = signal<SliceMap | undefined>(undefined);

/** What the viewer draws. */
export const layers = computed(() => {
  const opened = scan.value;
  if (opened === undefined) return undefined;
  return {
    shape: opened.shape,
    data: opened.data,
    window: rangeOf(contrast.value),
    labels: result.value?.labels,
    hidden: hidden.value,
    opacity: opacity.value,
  };
});

/** HU under the cursor, and the class that is there. */
export const reading = computed(() => {
  const opened = scan.value;
  if (opened === undefined) return undefined;
  const index = indexOf(cursor.value, opened.shape);
  // Labels change in their array.
  revision.value;
  const found = result.value;
  return { hounsfield: opened.data[index] ?? 0, name: found?.classes[found.labels[index] ?? 0] };
});

/** Shows how far what takes long is; nothing once it has ended. */
export function showWork(now: Work): void {
  if (work.value !== undefined) work.value = now;
}

/** Runs what takes long; what goes wrong is said, unless the user ended it. */
export async function working<Result>(first: Work, run: () => Promise<Result>): Promise<Result | undefined> {
  if (work.value !== undefined) {
    note(`${work.value.label} is under way; wait for it or cancel it, then try again.`);
    return undefined;
  }
  work.value = first;
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Error && error.name === "Cancelled")) reportProblem(error);
    return undefined;
  } finally {
    work.value = undefined;
  }
}

export async function loadModels(): Promise<void> {
  models.value = await quickEngine().segmenting.models();
  const chosen = models.value.find(({ path }) => path === model.value?.path);
  model.value = chosen ?? models.value[0];
}

export async function addModel(files: readonly DroppedFile[]): Promise<void> {
  const added = await working({ label: "Reading the model", share: undefined, detail: "" }, () =>
    quickEngine().segmenting.addModel([...files]),
  );
  if (added === undefined) return;
  await loadModels();
  models.value = models.value.some(({ path }) => path === added.path) ? models.value : [...models.value, added];
  model.value = added;
}

/** Opens a scan. One that cannot be opened is told of, and is listed no more. @returns whether it is open. */
export async function openScan(file: ScanFile): Promise<boolean> {
  const opened = await working({ label: `Reading ${file.name}`, share: undefined, detail: "" }, async () => {
    try {
      return await quickEngine().segmenting.open(file.path);
    } catch (error) {
      forgetScan(file.path);
      throw error;
    }
  });
  if (opened === undefined) return false;
  batch(() => {
    current.value = file;
    scan.value = opened;
    result.value = corrections.get(file.path);
    gateMap.value = undefined;
    cursor.value = [opened.shape[0] >> 1, opened.shape[1] >> 1, opened.shape[2] >> 1];
  });
  return true;
}

/** Takes a scan off the list, and closes it where it is open. */
export function forgetScan(path: string): void {
  batch(() => {
    scans.value = scans.value.filter((file) => file.path !== path);
    if (current.value?.path !== path) return;
    current.value = undefined;
    scan.value = undefined;
    result.value = undefined;
    gateMap.value = undefined;
  });
}

/** Leaves what was removed from the browser's files: corrections of a removed scan are not asked about any more. */
export function forgetKept({ paths }: KeptFile): void {
  const isOf = (path: string): boolean => paths.some((each) => path === each || path.startsWith(`${each}/`));
  for (const path of [...corrections.keys(), ...scans.value.map((file) => file.path)].filter(isOf)) {
    corrections.delete(path);
    markSaved(path);
    forgetScan(path);
  }
  if (result.value !== undefined && isOf(result.value.path)) result.value = undefined;
}

export async function openExample(): Promise<void> {
  const file = await working({ label: "Drawing the example", share: undefined, detail: "" }, () =>
    quickEngine().segmenting.example(),
  );
  if (file !== undefined) await showScans([file]);
}

export async function openFiles(files: readonly DroppedFile[]): Promise<void> {
  const kept = await working({ label: "Reading the files", share: undefined, detail: "" }, () =>
    quickEngine().segmenting.keepScans([...files]),
  );
  if (kept !== undefined) await showScans(kept);
}

/** Opens the scans of a training set. */
export async function openTask(name: string): Promise<void> {
  const files = await working({ label: "Reading the training set", share: undefined, detail: "" }, () =>
    quickEngine().segmenting.scansOfTask(name),
  );
  if (files !== undefined) await showScans(files);
}

/** Adds scans to the list and opens the first of them that can be. */
export async function showScans(files: readonly ScanFile[]): Promise<void> {
  const others = scans.value.filter(({ path }) => !files.some((file) => file.path === path));
  scans.value = [...others, ...files];
  for (const file of files) if (await openScan(file)) return;
}

export async function segmentScan(): Promise<void> {
  const [file, chosen] = [current.value, model.value];
  if (file === undefined || chosen === undefined) return;
  const question = `The labels of ${file.name} were corrected and not saved. Segment it again, without the corrections?`;
  if (unsaved.has(file.path) && !confirm(question)) return;
  const controller = new AbortController();
  const cancel = (): void => controller.abort();
  let began: number | undefined;
  const progress = ({ stage, done, total }: SegmentProgress): void => {
    if (stage === "preparing") return;
    began ??= performance.now();
    const seconds = (performance.now() - began) / 1000;
    const left = done === 0 || seconds === 0 ? "" : ` · ${durationText((seconds / done) * (total - done))} left`;
    showWork({ label: "Segmenting", share: done / total, detail: `slice ${done} of ${total}${left}`, cancel });
  };
  const found = await working({ label: "Preparing the network", share: undefined, detail: "", cancel }, () =>
    longCall(controller.signal, progress, (told) =>
      quickEngine().segmenting.segment(file.path, chosen, bundledAddress, choices.value, told),
    ),
  );
  if (found === undefined || current.value !== file) return;
  corrections.delete(file.path);
  markSaved(file.path);
  batch(() => {
    result.value = found;
    hidden.value = new Set();
    cursor.value = found.center ?? cursor.value;
  });
}
