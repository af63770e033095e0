import { DataError, exists, joinPath, readDecathlon, readNiftiHeader } from "@lobule/data";
import {
  type Disagreement,
  mirrorDisagreement,
  readModel,
  resolveConfig,
  settingsOfModel,
  type TrainingConfig,
} from "@lobule/train";
import { signalOf, type Watcher } from "../parts/long-call.js";
import { type CorrectedCase, correctedCases, joinTask, seedThatTrains, writeLabels } from "./corrected-cases.js";
import type { Means } from "./means.js";
import type { ModelInUse } from "./model-in-use.js";
import { bundledModel, fetchBundled, type ModelChoice } from "./models.js";
import { bytesToRank, requireFit, scanBudget } from "./open-scan.js";
import { plainName, type ScanFile } from "./scan-files.js";
import { type Done, held, taskFolder } from "./tasks.js";

/** A scan, and how much a model contradicts itself on it. */
export interface RankedScan extends Disagreement {
  readonly path: string;
}

/** Scans by how much a model contradicts itself on them, most first. */
export interface Ranking {
  readonly ranked: readonly RankedScan[];
  /** Why scans are not among them, a sentence each. */
  readonly leftOut: readonly string[];
}

/** A run that continues a model's training on corrected cases. */
export interface FineTuning {
  readonly config: TrainingConfig;
  /** Corrected cases among those that there are. */
  readonly corrected: number;
  readonly cases: number;
}

/** Keeps corrected labels, and makes of them what a model learns from. */
export class Correcting {
  constructor(
    private readonly means: Means,
    private readonly model: ModelInUse,
  ) {}

  /** Writes corrected labels in the place of those that were found. */
  async keepLabels(path: string, corrected: CorrectedCase): Promise<void> {
    await writeLabels(await this.means.storage(), path, corrected);
  }

  /** Adds a corrected case to a training set. @returns the set's name. @throws DataError where it has other classes. */
  async join(name: string, corrected: CorrectedCase): Promise<string> {
    const storage = await this.means.storage();
    const plain = plainName(name.trim());
    if (plain === "") throw new DataError("The training set needs a name of letters and digits");
    await storage.makeFolder("/data");
    await held(storage, plain, async (folder) => {
      await joinTask(storage, folder, corrected);
    });
    return plain;
  }

  /** How much a model contradicts itself on each scan, by mirror images. One that is broken or too large is left out. */
  async rank(
    scans: readonly ScanFile[],
    model: ModelChoice,
    address: string,
    watcher: Watcher<Done>,
  ): Promise<Ranking> {
    const signal = signalOf(watcher);
    const storage = await this.means.storage();
    const { predictor } = await this.model.open(model, address, false);
    const ranked: RankedScan[] = [];
    const leftOut: string[] = [];
    for (const [done, { path, name }] of scans.entries()) {
      void watcher.progress({ done, all: scans.length });
      try {
        requireFit(path, await readNiftiHeader(storage, path), scanBudget(), bytesToRank);
        ranked.push({ path, ...(await mirrorDisagreement(storage, predictor, path, signal)) });
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        leftOut.push(`${name} is not ranked: ${error.message}`);
      }
    }
    return { ranked: ranked.toSorted((a, b) => b.share - a.share), leftOut };
  }

  /**
   * The configuration of a run that begins with a model's weights and trains on a set with corrected cases.
   * @throws DataError where there is no such set, or it has one case only: another must be held out.
   */
  async fineTuning(name: string, model: ModelChoice, address: string): Promise<FineTuning> {
    const storage = await this.means.storage();
    if (model.path === bundledModel.path) await fetchBundled(storage, address);
    const { description } = await readModel(storage, model.path);
    const data = taskFolder(plainName(name.trim()));
    if (!(await exists(storage, joinPath(data, "dataset.json"))))
      throw new DataError(`There is no training set “${name}” yet; add a corrected case first`);
    const names = (await readDecathlon(storage, data)).cases.map((each) => each.name);
    if (names.length < 2)
      throw new DataError(
        `The training set ${name} has one case, and a run holds one out; correct a second scan first`,
      );
    const corrected = new Set(Object.keys(await correctedCases(storage, data)));
    const config = resolveConfig(null, settingsOfModel(description), {
      data,
      init: model.path,
      splitSeed: seedThatTrains(names, corrected),
      batch: 4,
      learningRate: 1e-3,
      epochs: 20,
      checkpointEvery: 20,
    });
    return { config, corrected: corrected.size, cases: names.length };
  }
}
