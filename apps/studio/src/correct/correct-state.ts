import { computed, effect, signal } from "@preact/signals";
import { quickEngine } from "../engine/start-engine.js";
import { longCall } from "../parts/long-call.js";
import { note, reportProblem } from "../parts/notices.js";
import {
  bundledAddress,
  current,
  cursor,
  keepCorrected,
  markSaved,
  model,
  openScan,
  result,
  revision,
  scan,
  scans,
  segmentScan,
  showWork,
  working,
} from "../segment/segment-state.js";
import { startRun } from "../train/followed-run.js";
import type { PlaneName, Voxel } from "../viewer/plane.js";
import type { Stroke } from "../viewer/plane-view.js";
import type { RankedScan } from "../worker/correcting.js";
import type { Segmented } from "../worker/segmenting.js";
import type { Done } from "../worker/tasks.js";
import { LabelEditor } from "./label-editor.js";
import { brushAt, lineBetween, regionAt } from "./shapes.js";

/** What the pointer does in the planes. */
export const tools = ["look", "brush", "eraser", "fill"] as const;
export type Tool = (typeof tools)[number];

export const tool = signal<Tool>("look");
/** The class that is painted; from 1. */
export const painted = signal(1);
/** mm. */
export const radius = signal(6);
/** A ball of more has more voxels than can be painted while the pointer moves. */
export const largestRadius = 30;

/** Sets the radius, kept within what is possible. */
export const setRadius = (millimeters: number): void => {
  radius.value = Math.min(largestRadius, Math.max(0, millimeters));
};
/** Whether the brush is a ball. */
export const solid = signal(false);
/** Of the training set that corrected cases join. */
export const setName = signal("corrected");
/** Scans whose corrected labels have joined a training set, by path. */
export const joined = signal<ReadonlySet<string>>(new Set());
/** The scans, those on which the model is least sure first. */
export const ranked = signal<readonly RankedScan[]>([]);

/** The editor of labels, with what can be undone, as long as they are kept. */
const editors = new WeakMap<Segmented, LabelEditor>();

/** Edits the labels of the scan that is open. */
export const editor = computed(() => {
  const found = result.value;
  if (found === undefined) return undefined;
  const made = editors.get(found) ?? new LabelEditor(found.labels, found.voxels);
  editors.set(found, made);
  return made;
});

effect(() => {
  if (editor.value === undefined) tool.value = "look";
  painted.value = 1;
});

/** Whether there is something to undo and to redo, and whether anything was ever changed. */
export const history = computed(() => {
  // The editor changes in itself.
  revision.value;
  const { canUndo = false, canRedo = false, edited = false } = editor.value ?? {};
  return { canUndo, canRedo, edited };
});

const changed = (): void => {
  revision.value += 1;
  if (editor.value?.edited === true) keepCorrected();
};

export function undo(): void {
  if (editor.value?.undo() === true) changed();
}

export function redo(): void {
  if (editor.value?.redo() === true) changed();
}

/** Paints with the tool; undefined where the pointer moves the cursor. */
export const stroke = computed((): Stroke | undefined => {
  const [editing, opened, using] = [editor.value, scan.value, tool.value];
  if (editing === undefined || opened === undefined || using === "look") return undefined;
  const { shape, spacing } = opened;
  const label = using === "eraser" ? 0 : painted.value;
  const brush = { radius: radius.value, solid: solid.value };
  // A quarter of the radius apart, a stroke's edge is smooth to the eye.
  const apart = Math.max(1, Math.floor(brush.radius / Math.max(...spacing) / 4));
  let last: Voxel | undefined;
  const paint = (voxel: Voxel, plane: PlaneName): void => {
    if (using === "fill") editing.paint(regionAt(voxel, plane, editing.labels, shape), label);
    else editing.paint(brushAt(voxel, { plane, ...brush }, shape, spacing), label);
  };
  return {
    begin(voxel, plane) {
      editing.begin();
      last = voxel;
      paint(voxel, plane);
      changed();
    },
    extend(voxel, plane) {
      if (using === "fill") return;
      for (const each of lineBetween(last ?? voxel, voxel, apart)) paint(each, plane);
      last = voxel;
      changed();
    },
    end() {
      editing.end();
      changed();
    },
  };
});

/** What is corrected now, to be handed to the engine. */
function corrected() {
  const [file, found] = [current.value, result.value];
  if (file === undefined || found === undefined) return undefined;
  return { path: found.path, labels: { scan: file.path, labels: found.labels, classes: found.classes } };
}

/** Writes corrected labels into their file, before it is saved or looked at elsewhere. */
export async function keepCorrections(): Promise<void> {
  const now = corrected();
  if (now === undefined || !history.value.edited) return;
  await quickEngine().correcting.keepLabels(now.path, now.labels);
}

/** Adds the scan with its labels to the training set. */
export async function joinSet(): Promise<void> {
  const now = corrected();
  if (now === undefined) return;
  const name = await working({ label: "Adding the case", share: undefined, detail: "" }, () =>
    quickEngine().correcting.join(setName.value, now.labels),
  );
  if (name === undefined) return;
  setName.value = name;
  markSaved(now.labels.scan);
  joined.value = new Set([...joined.value, now.labels.scan]);
  note(`${current.value?.name} has joined the training set ${name}.`);
}

/** Begins a run with the model's weights on the training set, and shows it. */
export async function fineTune(): Promise<void> {
  const chosen = model.value;
  if (chosen === undefined) return;
  try {
    const { config } = await quickEngine().correcting.fineTuning(setName.value, chosen, bundledAddress);
    void startRun(`${setName.value}-tuned`, config);
    location.hash = "#train";
  } catch (error) {
    reportProblem(error);
  }
}

/** Finds out on which of the scans the model is least sure. */
export async function rankScans(): Promise<void> {
  const chosen = model.value;
  if (chosen === undefined) return;
  const controller = new AbortController();
  const cancel = (): void => controller.abort();
  const label = "Comparing with mirror images";
  const show = ({ done, all }: Done): void =>
    showWork({ label, share: done / all, detail: `scan ${done + 1} of ${all}`, cancel });
  const found = await working({ label, share: undefined, detail: "", cancel }, () =>
    longCall(controller.signal, show, (told) =>
      quickEngine().correcting.rank([...scans.value], chosen, bundledAddress, told),
    ),
  );
  if (found === undefined) return;
  ranked.value = found.ranked;
  found.leftOut.forEach(reportProblem);
}

/** The scan to be corrected next: the one with most disagreement that has not joined a training set. */
export const next = computed(() =>
  ranked.value.find(({ path }) => !joined.value.has(path) && scans.value.some((file) => file.path === path)),
);

/** Opens it, segments it, and goes to the slice on which most differs. */
export async function openNext(): Promise<void> {
  const worst = next.value;
  const file = scans.value.find(({ path }) => path === worst?.path);
  if (worst === undefined || file === undefined) return;
  await openScan(file);
  if (result.value === undefined) await segmentScan();
  const [x, y] = cursor.value;
  if (current.value === file) cursor.value = [x, y, worst.slice];
}
