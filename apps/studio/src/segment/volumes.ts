import type { LabeledVolume } from "@lobule/train";
import { computed } from "@preact/signals";
import { result } from "./segment-state.js";

/** What is labeled now, class by class. */
export const currentVolumes = computed((): readonly LabeledVolume[] => result.value?.volumes ?? []);
