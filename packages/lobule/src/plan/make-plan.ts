import { totalmem } from "node:os";
import { readDecathlon, SliceCache } from "@lobule/data";
import { adapterChoice, nodeStorage } from "@lobule/node";
import { type Device, PlanError } from "@lobule/tensor";
import {
  type Choice,
  chooseCases,
  choosePlan,
  planRun,
  readDataFacts,
  resolveConfig,
  smallerBatches,
  type TrainingConfig,
} from "@lobule/train";
import { openDevice } from "../shared/open-device.js";
import { progress } from "../shared/progress.js";
import { compileModel } from "../train/compile-model.js";
import { sliceCacheFolder } from "../train/slice-cache-folder.js";
import { asSettings, planText } from "./plan-text.js";

/** What a plan is made for. */
export interface PlanRequest {
  /** Full path of the Decathlon folder. */
  readonly data: string;
  /** Settings that the plan leaves as they are, in the form of a configuration. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly cache: string | undefined;
  readonly signal?: AbortSignal;
}

/** A plan, as settings and as the file that a person reads. */
export interface Plan {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/**
 * Reads a data set, into the slice cache where a run finds it, and plans a training on it for this machine's adapter.
 * @throws DataError, ConfigError as a run does; PlanError where not even a batch of one slice fits the adapter.
 */
export async function makePlan({ data, given, cache, signal }: PlanRequest): Promise<Plan> {
  // The depth is yet to be chosen, and with the least of all most sizes go.
  const config = resolveConfig(null, { depth: 1, ...given, data });
  const task = await readDecathlon(nodeStorage, data);
  const { cases } = await chooseCases(nodeStorage, task, config, []);
  const bar = progress("decoding");
  const opened = await SliceCache.open(nodeStorage, cases, {
    directory: cache ?? (await sliceCacheFolder())(data),
    classes: task.labels.length,
    onProgress: bar.update,
    ...(signal === undefined ? {} : { signal }),
  }).finally(bar.end);
  const facts = await readDataFacts(opened, task.labels, signal).finally(() => opened.close());
  const { kind, name } = await adapterChoice();
  const software = kind !== "gpu";
  const wanted = choosePlan({ facts, modality: task.modality, software, given });
  const device = await openDevice();
  const choices = await fitted(wanted, { ...given, data }, device, software ? totalmem() : undefined).finally(() =>
    device.destroy(),
  );
  return {
    settings: asSettings(choices),
    text: planText({ name: task.name, data, adapter: name, facts, choices, given }),
  };
}

/** The choices, with the largest batch that fits the adapter, of those that are the plan's to choose. */
async function fitted(
  choices: readonly Choice[],
  given: Readonly<Record<string, unknown>>,
  device: Device,
  memory: number | undefined,
): Promise<readonly Choice[]> {
  const batch = choices.find(({ setting }) => setting[0] === "batch");
  if (batch === undefined) {
    resolveConfig(null, asSettings(choices), given); // what does not go together is told now
    return choices;
  }
  const model = typeof given.model === "string" ? await compileModel(given.model) : undefined;
  const room = memory === undefined ? { device } : { device, memory };
  const tried = [Number(batch.value), ...smallerBatches(Number(batch.value))];
  for (const [i, value] of tried.entries()) {
    const reason = value === batch.value ? batch.reason : `${batch.reason} ${tried[0]} do not fit this adapter.`;
    const changed = choices.map((each) => (each === batch ? { ...batch, value, reason } : each));
    const config: TrainingConfig = resolveConfig(null, asSettings(changed), given);
    try {
      await planRun(nodeStorage, config, { kernels: device.kernels, code: model, room });
      return changed;
    } catch (error) {
      if (!(error instanceof PlanError) || i === tried.length - 1) throw error;
    }
  }
  return choices;
}
