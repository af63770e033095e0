import { signal } from "@preact/signals";
import { reportProblem } from "../parts/notices.js";
import type { RunEntry } from "../worker/runs.js";
import { quickEngine } from "./start-engine.js";

/** The runs that this browser has; undefined until they are known. */
export const runList = signal<readonly RunEntry[] | undefined>(undefined);

/** Reads the list of runs anew: after one was begun, measured, taken in or removed. */
export async function refreshRuns(): Promise<void> {
  try {
    runList.value = await quickEngine().runs.list();
  } catch (error) {
    reportProblem(error);
    runList.value ??= [];
  }
}

/** Takes zips of run folders in. A file that is none is told of, and the others are taken. */
export async function takeRunsIn(files: readonly File[]): Promise<void> {
  for (const file of files) {
    try {
      await quickEngine().runs.unzip(file, file.name.replace(/\.zip$/i, ""));
    } catch (error) {
      reportProblem(error);
    }
  }
  await refreshRuns();
}
