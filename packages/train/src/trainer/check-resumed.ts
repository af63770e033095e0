import { plural } from "@lobule/data";
import type { SafetensorsTensor } from "@lobule/tensor";
import { sameJson } from "../json/same-json.js";
import { channelsOf } from "../model/intensities.js";
import type { ModelDescription } from "../model/model-description.js";
import type { EpochRecord } from "../run/epoch-record.js";
import { RunError } from "../run/run-folder.js";
import type { TrainingState } from "../run/training-state.js";
import { type ChannelIntensities, channelSettings } from "./channel-settings.js";
import type { TrainingConfig } from "./config-schema.js";
import { describeModel } from "./prepare-data.js";

/** What a run's folder holds, each part read and in itself as expected. */
export interface ResumedParts {
  readonly config: TrainingConfig;
  readonly model: ModelDescription;
  readonly state: TrainingState;
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
  /** Of metrics.jsonl, also of epochs that the checkpoint has not seen. */
  readonly records: readonly EpochRecord[];
}

/**
 * Checks that config.json, the last checkpoint and metrics.jsonl are of one run.
 * @param source the checkpoint's path.
 * @throws RunError naming what does not fit, and what to do.
 */
export function requireOneRun(parts: ResumedParts, source: string): void {
  const problem = stateProblem(parts) ?? recordProblem(parts) ?? momentProblem(parts) ?? modelProblem(parts);
  if (problem !== undefined) {
    throw new RunError(`${source} does not fit the rest of its run: ${problem}; restore the files of one moment`);
  }
}

/** Counts and best values that no run of this configuration comes to. */
function stateProblem({ config, state }: ResumedParts): string | undefined {
  const { epoch, step, globalStep, optimizerSteps, plateau, earlyStopping, best, sums, finished } = state;
  const epochs = config.fastDevRun ? 1 : config.epochs;
  if (epoch > epochs) return `it has done ${plural(epoch, "epoch")}, of ${epochs} in config.json`;
  if (finished === null && epoch === epochs) return `it has done all ${plural(epochs, "epoch")} and is not finished`;
  if (epoch === 0 ? globalStep !== step : globalStep < epoch + step) {
    return `${plural(globalStep, "step")} in all ${globalStep === 1 ? "does" : "do"} not fit step ${step} of epoch ${epoch + 1}`;
  }
  if (optimizerSteps !== globalStep) return `its optimizer has taken ${optimizerSteps} steps, the run ${globalStep}`;
  if (plateau.learningRate > config.learningRate) {
    return `its learning rate ${plateau.learningRate} is above the ${config.learningRate} of config.json`;
  }
  if (plateau.badEpochs > Math.min(epoch, config.plateau.patience) || earlyStopping.badEpochs > epoch) {
    return `it counts more epochs without progress than ${epoch} or the patience allow`;
  }
  if ((best === null) !== (epoch === 0) && best !== null)
    return `its best epoch is ${best.epoch + 1}, but none is done`;
  if (best !== null && best.epoch >= epoch) return `its best epoch is ${best.epoch + 1}, but only ${epoch} are done`;
  const { slices } = sums;
  // A rest of a batch can have joined the batch before it.
  if (slices > 2 * step * config.batch || slices < 0)
    return `it has sums of ${plural(slices, "slice")} after ${plural(step, "step")}`;
  return undefined;
}

/** Records that say otherwise than the checkpoint. */
function recordProblem({ model, state, records }: ResumedParts): string | undefined {
  const { epoch, step, globalStep, best } = state;
  const last = records.find((record) => record.epoch === epoch - 1);
  if (last !== undefined && last.step !== globalStep - step) {
    return `metrics.jsonl counts ${plural(last.step, "step")} to the end of epoch ${epoch}, it ${globalStep - step}`;
  }
  const bestRecord = best === null ? undefined : records.find((record) => record.epoch === best.epoch);
  if (best !== null && bestRecord !== undefined && bestRecord.validation.loss !== best.loss) {
    return `its best loss is ${best.loss}, but that of epoch ${best.epoch + 1} in metrics.jsonl ${bestRecord.validation.loss}`;
  }
  const strange = records.find(({ training }) => training.dice.length !== model.classes.length);
  if (strange !== undefined) {
    return `epoch ${strange.epoch + 1} in metrics.jsonl has Dice of ${strange.training.dice.length} classes, the model ${model.classes.length}`;
  }
  return undefined;
}

/** State of another optimizer, precision or average than the configuration's, which would be passed over. */
function momentProblem({ config, tensors }: ResumedParts): string | undefined {
  const { optimizer, precision, ema } = config;
  const expected = [
    ["exp_avg.", optimizer.kind !== "sgd", `the optimizer ${optimizer.kind}`],
    ["momentum_buffer.", optimizer.kind === "sgd", `the optimizer ${optimizer.kind}`],
    ["loss_scaler.", precision === "f16", `the precision ${precision}`],
    ["ema.", ema !== null, ema === null ? "weights that are not averaged" : "averaged weights"],
  ] as const;
  const names = [...tensors.keys()];
  const wrong = expected.find(([prefix, there]) => names.some((name) => name.startsWith(prefix)) !== there);
  return wrong && `it has ${wrong[1] ? "no " : ""}tensors '${wrong[0]}…', and config.json asks for ${wrong[2]}`;
}

/** A description that the configuration does not lead to. */
function modelProblem({ config, model }: ResumedParts): string | undefined {
  const found = model.channels ?? channelsOf(model).map((each) => ({ name: "", ...each }));
  const settings = channelSettings(
    config,
    found.map(({ name }) => name),
  );
  const channels: ChannelIntensities[] = [];
  for (const [i, each] of found.entries()) {
    const setting = settings[i];
    const kind = each.normalization?.kind ?? "window";
    if (setting === undefined || kind !== setting.normalization)
      return `its intensities are normalized by the ${kind}, by config.json by the ${setting?.normalization}`;
    channels.push({ ...each, window: setting.window === "auto" ? each.window : setting.window });
  }
  const { architecture: _a, code: _c, ...expected } = describeModel(config, model.classes, channels);
  const { architecture, code: _d, ...described } = model;
  if ((architecture === "custom") !== (config.model !== null)) {
    return `its network is ${architecture}, and config.json ${config.model === null ? "names no model" : `names ${config.model}`}`;
  }
  // What a model of one's own is made of is its code's affair.
  const parts = Object.entries(expected).filter(([name]) => architecture !== "custom" || name !== "network");
  const values = new Map<string, unknown>(Object.entries(described));
  const other = parts.find(([name, value]) => !sameJson(value, values.get(name)));
  return (
    other && `its '${other[0]}' is ${JSON.stringify(values.get(other[0]))}, by config.json ${JSON.stringify(other[1])}`
  );
}
