import { resolve } from "node:path";
import { nodeStorage } from "@lobule/node";
import {
  ConfigError,
  parseConfig,
  RunFolder,
  requireGrowth,
  sharedEpochsText,
  type TrainingConfig,
} from "@lobule/train";
import type { GivenSetting } from "./train-options.js";

/** What may change in a run that is resumed. */
export interface ResumedChanges {
  readonly epochs?: number;
  /** Where its data are now. */
  readonly data?: string;
}

const changeable: ReadonlySet<string> = new Set(["epochs", "data"]);

/**
 * What the options change in the run of a folder. Options that say what the run says have no effect and are let through.
 * @throws ConfigError naming the first option that would change what cannot change; RunError when the folder is no run.
 */
export async function resumedChanges(
  directory: string,
  settings: readonly GivenSetting[],
  given: ReadonlySet<string>,
): Promise<ResumedChanges> {
  if (given.has("preset")) {
    throw new ConfigError("PRESET cannot change with --resume; leave it out, or begin a new run with --out");
  }
  if (settings.length === 0) return {};
  const folder = await RunFolder.open(nodeStorage, directory);
  const config = parseConfig(folder.config, `${directory}/config.json`);
  const changed = settings.filter(({ keys, value }) => !isSame(keys, valueAt(config, keys), value));
  for (const { option, keys } of changed.filter((each) => !changeable.has(each.option))) {
    const now = shown(valueAt(config, keys));
    throw new ConfigError(
      `--${option} cannot change with --resume: the run has ${now}; leave it out, or begin a new run with --out`,
    );
  }
  const [epochs, data] = ["epochs", "data"].map((name) => changed.find(({ option }) => option === name)?.value);
  if (typeof epochs === "number") {
    requireGrowth(config, epochs);
    const shared = await sharedEpochsText(nodeStorage, directory, config.epochs);
    if (shared !== undefined) throw new ConfigError(shared);
  }
  return { ...(typeof epochs === "number" ? { epochs } : {}), ...(typeof data === "string" ? { data } : {}) };
}

/** The value at the keys of a configuration. */
const valueAt = (config: TrainingConfig, keys: readonly string[]): unknown =>
  keys.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    config,
  );

/** Whether an option says what the configuration says; paths are from this folder. */
const isSame = (keys: readonly string[], own: unknown, value: unknown): boolean =>
  JSON.stringify(own) === JSON.stringify(value) ||
  (["data", "model", "init"].includes(keys[0] ?? "") && typeof value === "string" && own === resolve(value));

const shown = (value: unknown): string =>
  value === undefined || value === null ? "none" : typeof value === "object" ? JSON.stringify(value) : String(value);
