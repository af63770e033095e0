import { resolve } from "node:path";
import { DataError, exists, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { command, type Values } from "../command-line/command.js";
import { path, required } from "../command-line/option.js";
import { interruptible } from "../shared/interruption.js";
import { say, sayText } from "../shared/output.js";
import { asConfig, flagOf, givenSettings, sharedTrainOptions } from "../train/train-options.js";
import { makePlan } from "./make-plan.js";

const positionals = { dir: required(path("Decathlon folder", "input", "DIR")) };
/** A plan makes the file that --config would name, and begins with no model. */
const { config: _config, init: _init, "trust-code": _trust, ...settings } = sharedTrainOptions;
const options = {
  out: path("YAML file to write, instead of printing", "file", "FILE", { short: "o" }),
  ...settings,
};

/** `lobule plan DIR`: settings for a data set and this machine, each with its reason. */
export const planCommand = command({
  name: "plan",
  describe: "Choose settings for a data set and this adapter, as a file to read and change",
  positionals,
  options,
  run: plan,
  examples: [
    ["plan DIR -o plan.yaml", "then: train --config plan.yaml --out RUN"],
    ["plan DIR -o plan.yaml --size 256 --epochs 50", "with these as they are"],
  ],
});

const words = { stopping: "stopping", stopped: "interrupted; what was decoded is kept" };

async function plan(args: Values<typeof positionals & typeof options>, names: ReadonlySet<string>): Promise<void> {
  const { dir, out, cache } = args;
  if (out !== undefined && (await exists(nodeStorage, out))) {
    throw new DataError(`${out} is there already, and may have been changed by hand; name another file with --out`);
  }
  const given = [{ settings: asConfig(givenSettings(args, names, true)), nameOf: flagOf }];
  const { text } = await interruptible(words, (signal) => makePlan({ data: resolve(dir), given, cache, signal }));
  if (out === undefined) return sayText(text.trimEnd());
  await writeFileAtomically(nodeStorage, out, text);
  say(`written: ${out}`);
}
