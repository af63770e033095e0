import { commandText, DataError, joinPath, type Storage } from "@lobule/data";
import { RunFolder } from "../run/run-folder.js";
import type { MeasuredFold } from "./cross-validation.js";
import { readMeasurement } from "./measurement-file.js";

/**
 * A run of a cross-validation with what was measured of it.
 * @param run its folder, within the directory.
 * @throws RunError when the folder is no run; DataError when it was not measured, not wholly, with other weights, or with
 * post-processing.
 */
export async function readFold(storage: Storage, directory: string, run: string): Promise<MeasuredFold> {
  const folder = await RunFolder.open(storage, joinPath(directory, run));
  const path = joinPath(folder.directory, "evaluation", "validation.json");
  const measurement = await readMeasurement(storage, path);
  if (measurement === undefined) {
    throw new DataError(
      `${path} is missing or damaged; measure the run again by ${commandText("evaluate", folder.directory)}`,
    );
  }
  const { checkpoint, failures, settings } = measurement.provenance;
  if (settings.postprocessing === true) {
    throw new DataError(
      `${path} was measured with post-processing, and folds are taken together without; remove ${joinPath(folder.directory, "postprocessing.json")} and measure the run again by ${commandText("evaluate", folder.directory)}`,
    );
  }
  const [failure] = failures;
  const again = `; measure the run again by ${commandText("evaluate", folder.directory)}`;
  if (failure !== undefined) throw new DataError(`${path} lacks the case ${failure.name}: ${failure.error}${again}`);
  if (checkpoint.sha256 !== (await folder.checkpointHash("best"))) {
    throw new DataError(
      `${path} was measured with other weights than ${folder.checkpointPath("best")} has now${again}`,
    );
  }
  const metrics = await folder.readMetrics();
  return {
    run,
    training: folder.split.training.length,
    validation: folder.split.validation,
    seconds: metrics.reduce((sum, { seconds }) => sum + seconds, 0),
    checkpoint: { epoch: checkpoint.epoch, sha256: checkpoint.sha256 },
    cases: measurement.cases,
  };
}
