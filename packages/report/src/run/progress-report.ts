import { baseName } from "@lobule/data";
import type { EpochRecord, RunFolder } from "@lobule/train";
import { renderReport } from "./report.js";
import type { ReportProgress } from "./report-progress.js";

/** What a run is called in its report. */
export const titleOf = ({ storage, directory }: RunFolder): string => baseName(storage.absolute(directory));

/** Replaces the report of a run by one of its curves, without figures of whole scans. @throws FileWriteError. */
export async function writeProgressReport(
  folder: RunFolder,
  classes: readonly string[],
  metrics: readonly EpochRecord[],
  progress: ReportProgress,
): Promise<void> {
  const { config, split, environment } = folder;
  await folder.saveReport(
    renderReport({ title: titleOf(folder), classes, config, split, environment, metrics, progress }),
  );
}
