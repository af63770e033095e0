import type { LabeledVolume } from "@lobule/train";
import { computed } from "@preact/signals";
import { editor } from "../correct/correct-state.js";
import { result, revision, scan } from "./segment-state.js";

/** What is labeled now, class by class, corrections counted. */
export const currentVolumes = computed((): readonly LabeledVolume[] => {
  // The editor counts in itself.
  revision.value;
  const [found, opened, editing] = [result.value, scan.value, editor.value];
  if (found === undefined || opened === undefined || editing === undefined) return [];
  if (!editing.edited) return found.volumes;
  return found.classes.slice(1).map((name, i) => {
    const voxels = editing.counts[i + 1] ?? 0;
    return { name, millilitres: voxels * opened.millilitersPerVoxel, voxels };
  });
});
