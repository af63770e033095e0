import { baseName, DataError, joinPath, writeFileAtomically } from "@lobule/data";
import {
  compareRuns,
  comparisonCasesCsv,
  comparisonCsv,
  comparisonJson,
  evaluationCsv,
  evaluationJson,
  type ReadingName,
  readComparedRun,
  renderComparison,
} from "@lobule/report";
import { type EvaluationAdvice, evaluateRun, planEvaluation, RunFolder, readModel } from "@lobule/train";
import { signalOf, type Watcher } from "../parts/long-call.js";
import { requireData, usingData } from "./data-in-use.js";
import type { Means } from "./means.js";
import { dataOf } from "./runs.js";
import { taskFolder } from "./tasks.js";

/** How far a measurement is. */
export interface MeasuringProgress {
  readonly done: number;
  readonly total: number;
  readonly name: string;
}

/** A comparison as a page and as the files that `lobule compare` writes. */
export interface ComparisonFiles {
  readonly html: string;
  readonly csv: string;
  readonly casesCsv: string;
  readonly json: string;
}

/** What the page offers in the place of the command's options. */
const advice: EvaluationAdvice = { moved: "choose them beside Measure", includeTraining: undefined };

/** Measures runs that this browser has, and compares them. */
export class Comparing {
  constructor(private readonly means: Means) {}

  /**
   * Measures a run on the cases that it held out, as `lobule evaluate` does, and keeps the result in its folder.
   * @param data name of the run's data here, where they are not in the folder that it names.
   * @returns notes to be read with the figures.
   * @throws DataError where its data are not there or no case can be measured; what the page has ended.
   */
  async measure(
    path: string,
    data: string | undefined,
    watcher: Watcher<MeasuringProgress>,
  ): Promise<readonly string[]> {
    const signal = signalOf(watcher);
    const storage = await this.means.storage();
    const { config } = await RunFolder.open(storage, path);
    const folder = data === undefined ? dataOf(config) : taskFolder(data);
    if (folder === undefined) throw new DataError(`${baseName(path)} does not say what data it is of; ${advice.moved}`);
    return usingData(folder, async () => {
      await requireData(storage, folder);
      return this.measureOn(folder, path, signal, (progress) => watcher.progress(progress));
    });
  }

  private async measureOn(
    data: string,
    path: string,
    signal: AbortSignal,
    onProgress: (progress: MeasuringProgress) => void,
  ): Promise<readonly string[]> {
    const storage = await this.means.storage();
    const device = await this.means.device();
    const plan = await planEvaluation(storage, path, await readModel(storage, path), { data, advice });
    const { result, heldOut } = await evaluateRun(storage, device, plan, {
      signal,
      onCase: (done, total, name) => onProgress({ done, total, name }),
    });
    signal.throwIfAborted();
    if (!heldOut)
      throw new DataError(
        `${baseName(data)} does not hold the cases that ${baseName(path)} held out, so nothing was kept; choose the data that it was trained on`,
      );
    const folder = joinPath(path, "evaluation");
    await storage.makeFolder(folder);
    await writeFileAtomically(storage, joinPath(folder, "validation.csv"), evaluationCsv(result));
    await writeFileAtomically(storage, joinPath(folder, "validation.json"), evaluationJson(result));
    return result.provenance?.notes ?? [];
  }

  /**
   * Compares measured runs with the first of them.
   * @throws ComparisonError where they cannot be compared, RunError where one is damaged.
   */
  async compare(
    paths: readonly string[],
    options: { readonly reading: ReadingName; readonly paired: boolean },
  ): Promise<ComparisonFiles> {
    const storage = await this.means.storage();
    const runs = await Promise.all(paths.map((path) => readComparedRun(storage, path)));
    const comparison = compareRuns(runs, {
      reading: options.reading,
      paired: options.paired,
      unpairedAdvice: "without “Case by case” their means are compared",
    });
    return {
      html: renderComparison(
        comparison,
        runs.map(({ metrics }) => [metrics]),
      ),
      csv: comparisonCsv(comparison),
      casesCsv: comparisonCasesCsv(comparison),
      json: comparisonJson(comparison),
    };
  }
}
