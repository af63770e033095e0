import { ConfigError, networkSpec, type TrainingConfig } from "@lobule/train";
import type { GivenSetting } from "./train-options.js";

/** @throws ConfigError naming an option of the network that has no effect on the network of the configuration. */
export function requireEffect({ model, network }: TrainingConfig, settings: readonly GivenSetting[]): void {
  const { norm, skip } = networkSpec(network);
  for (const { option, keys } of settings) {
    if (keys[0] !== "network") continue;
    if (model !== null) {
      throw new ConfigError(`--${option} has no effect with a model of your own, which --model names; leave one out`);
    }
    if (keys[1] === "groups" && norm !== "group") {
      throw new ConfigError(`--groups has no effect with ${norm} normalization; add --norm group or leave it out`);
    }
    if (keys[1] === "gatingSignal" && !skip.startsWith("attention-gate")) {
      throw new ConfigError(
        `--gating-signal has no effect with the skip '${skip}', which has no gates; add --skip attention-gate or leave it out`,
      );
    }
  }
}
