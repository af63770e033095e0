import { nnunetDivisors, nnunetProblem, specProblem } from "@lobule/nn";
import { sameJson } from "../json/same-json.js";
import { networkSpec } from "../model/network-settings.js";
import { windowsOf } from "./channel-settings.js";
import { ConfigError } from "./config-error.js";
import { presetSettings, type TrainingConfig } from "./config-schema.js";

/** How the user calls a setting: "--epochs", or "'epochs' of my.json". */
export type NameOf = (path: readonly PropertyKey[]) => string;

/** Whether settings, each of which fits by itself, go together. @throws ConfigError naming the first that does not. */
export function checkSettings(config: TrainingConfig, nameOf: NameOf): void {
  // What a model of one's own asks of its images is known when it has been made.
  if (config.model === null) checkNetwork(config, nameOf);
  else if (config.nnunet !== null) {
    throw new ConfigError(`${nameOf(["model"])} and ${nameOf(["nnunet"])} both say what the network is; leave one out`);
  }
  checkSlices(config, nameOf);
  checkIntensities(config, nameOf);
  checkBatches(config, nameOf);
  if (config.fold !== null && config.validationCases !== null) {
    throw new ConfigError(
      `${nameOf(["fold"])} and ${nameOf(["validationCases"])} both say which cases are held out; leave one out`,
    );
  }
}

/** What of a slice the network sees. */
function checkSlices({ size, spacing, patch, resampling }: TrainingConfig, nameOf: NameOf): void {
  const other = spacing !== null ? "spacing" : patch !== null ? "patch" : undefined;
  if (size !== null && other !== undefined) {
    throw new ConfigError(
      `${nameOf([other])} does not go with ${nameOf(["size"])}, which stretches each slice onto one size; leave one out`,
    );
  }
  if (resampling !== "linear" && spacing === null) {
    throw new ConfigError(
      `${nameOf(["resampling"])} ${resampling} has no effect without ${nameOf(["spacing"])}, to which slices are resampled so; give both`,
    );
  }
}

function checkIntensities({ window, normalization }: TrainingConfig, nameOf: NameOf): void {
  const windows = windowsOf(window);
  const falling = windows.find((each) => each !== "auto" && !(each[0] < each[1]));
  if (falling !== undefined && falling !== "auto") {
    throw new ConfigError(`${nameOf(["window"])} needs two rising numbers, got ${falling.join(" ")}`);
  }
  const [only = "auto", ...others] = windows;
  if (only !== "auto" && others.length === 0 && normalization === "image") {
    throw new ConfigError(
      `${nameOf(["window"])} ${only.join(" ")} has no effect with ${nameOf(["normalization"])} image, which makes z-scores by each image's own mean and standard deviation; leave one out`,
    );
  }
}

/** Which slices come together in a batch, and in parts of how many. */
function checkBatches(config: TrainingConfig, nameOf: NameOf): void {
  const { overfitBatches, oversample, oversampleBy, stepsPerEpoch, microBatch, batch } = config;
  const drawn = { oversample: oversample === 0 ? null : oversample, stepsPerEpoch };
  for (const [name, value] of Object.entries(drawn)) {
    if (overfitBatches === null || value === null) continue;
    throw new ConfigError(
      `${nameOf([name])} ${value} has no effect with ${nameOf(["overfitBatches"])}, whose batches are fixed; leave one out`,
    );
  }
  if (oversampleBy !== "any" && oversample === 0) {
    throw new ConfigError(
      `${nameOf(["oversampleBy"])} ${oversampleBy} has no effect without ${nameOf(["oversample"])}, the share of a batch that is drawn so; give both`,
    );
  }
  if (microBatch !== null && microBatch > batch) {
    throw new ConfigError(
      `${nameOf(["microBatch"])} ${microBatch} is more than the batch of ${batch}; leave it out or make it smaller`,
    );
  }
}

/** @throws ConfigError when a patch, width and height, leaves less than two pixels in the bridge, or parts of some. */
function checkPatch(patch: readonly number[], multiples: readonly number[], name: string): void {
  for (const [axis, side] of patch.entries()) {
    const multiple = multiples[axis] ?? 1;
    if (side % multiple === 0 && side > multiple) continue;
    throw new ConfigError(
      `${name} needs a ${axis === 0 ? "width" : "height"} that is a multiple of ${multiple} and larger, since the network halves it so often, got ${side}; ${Math.max(2, Math.round(side / multiple)) * multiple} is the nearest`,
    );
  }
}

/** Settings that say nothing of a network whose levels are listed. */
const ofNamedNetworks = ["network", "baseFeatures", "depth"] as const;

/** The path of the first of them that is not as it is by default. */
function idleSetting(config: TrainingConfig): readonly string[] | undefined {
  const usual = presetSettings(config.preset);
  const name = ofNamedNetworks.find((each) => !sameJson(config[each], usual[each]));
  if (name !== "network") return name === undefined ? undefined : [name];
  const before = new Map<string, unknown>(Object.entries(usual.network));
  const changed = Object.entries(config.network).find(([key, value]) => !sameJson(value, before.get(key)));
  return ["network", ...(changed === undefined ? [] : [changed[0]])];
}

function checkNetwork(config: TrainingConfig, nameOf: NameOf): void {
  const { nnunet } = config;
  const idle = nnunet === null ? undefined : idleSetting(config);
  if (idle !== undefined) {
    throw new ConfigError(
      `${nameOf(idle)} has no effect with 'nnunet', which lists the network's levels; leave it out`,
    );
  }
  const [rows, columns] = nnunet === null ? [2 ** config.depth, 2 ** config.depth] : nnunetDivisors(nnunet);
  const multiple = Math.max(rows, columns);
  const size = nameOf(["size"]);
  if (config.size !== null && config.size % multiple !== 0) {
    const near = Math.max(1, Math.round(config.size / multiple)) * multiple;
    const halvings = nnunet === null ? Math.log2(config.size & -config.size) : 0;
    throw new ConfigError(
      `${size} must be a multiple of ${multiple} (2^depth), got ${config.size}; ${near} is the nearest${halvings > 0 ? `, and with depth ${halvings} it would be possible` : ""}`,
    );
  }
  if (config.patch !== null) checkPatch(config.patch, [columns, rows], nameOf(["patch"]));
  const { norm } = nnunet ?? networkSpec(config.network);
  const problem = nnunet === null ? specProblem(config, networkSpec(config.network)) : nnunetProblem(nnunet);
  if (problem !== undefined) throw new ConfigError(`the network does not fit: ${problem}`);
  if (config.size !== rows || config.size !== columns) return;
  const onePixel = `${size} ${config.size} leaves one pixel in the bridge`;
  const advice = `use size ${2 * multiple}${nnunet === null && config.depth > 1 ? ` or depth ${config.depth - 1}` : ""}`;
  if (norm !== "batch") throw new ConfigError(`${onePixel}, which ${norm} normalization turns to nothing; ${advice}`);
  if ((config.microBatch ?? config.batch) === 1) {
    const parts = nameOf([config.microBatch === null ? "batch" : "microBatch"]);
    throw new ConfigError(
      `${onePixel}, and with ${parts} 1 batch normalization has one value a channel, of which it leaves nothing; ${advice}, or ${parts} 2`,
    );
  }
}
