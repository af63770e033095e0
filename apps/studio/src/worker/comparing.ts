import { joinPath, writeFileAtomically } from "@lobule/data";
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
import { evaluateRun, planEvaluation, readModel } from "@lobule/train";
import { signalOf, type Watcher } from "../parts/long-call.js";
import type { Means } from "./means.js";

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

/** Measures runs that this browser has, and compares them. */
export class Comparing {
  constructor(private readonly means: Means) {}

  /**
   * Measures a run on the cases that it held out, as `lobule evaluate` does, and keeps the result in its folder.
   * @returns notes to be read with the figures.
   * @throws DataError where its data are not there or no case can be measured; what the page has ended.
   */
  async measure(path: string, watcher: Watcher<MeasuringProgress>): Promise<readonly string[]> {
    const storage = await this.means.storage();
    const device = await this.means.device();
    const plan = await planEvaluation(storage, path, await readModel(storage, path), {});
    const signal = signalOf(watcher);
    const { result } = await evaluateRun(storage, device, plan, {
      signal,
      onCase: (done, total, name) => watcher.progress({ done, total, name }),
    });
    signal.throwIfAborted();
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
