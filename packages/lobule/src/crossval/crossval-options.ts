import type { Values } from "../command-line/command.js";
import { choice, flag, list, path, required, whole, withDefault } from "../command-line/option.js";
import { deviceOption } from "../shared/open-device.js";
import { recipeOption, sharedTrainOptions } from "../train/train-options.js";

export const crossvalPositionals = {
  dir: required(path("Decathlon folder of the cases", "input", "DIR")),
  recipe: recipeOption,
};

export const crossvalOptions = {
  folds: withDefault(whole("parts of the cross-validation", { least: 2 }), 5),
  out: path("folder of the folds; stopped, it is resumed by the same command", "folder", "DIR", { short: "o" }),
  "dry-run": flag("predict memory, disk and time, after timing some steps; train nothing"),
  on: choice(["h200"], "predict for this GPU, from what was measured on one, instead of the adapter here", {
    needs: "dry-run",
  }),
  fold: whole("train this fold alone, from 0, as a task of a job array does", { least: 0 }),
  adapters: list({ ...deviceOption, describe: "one fold at a time on each: gpu:0 gpu:1, or other names" }),
  workers: choice(["slurm"], "train the folds by a job array of this scheduler, and wait for it", {
    conflicts: { fold: "a worker starts no others", adapters: "tasks take the GPU that they are given" },
  }),
  ...sharedTrainOptions,
  device: { ...deviceOption, conflicts: { adapters: "both say what the folds use" } },
};

export type CrossvalValues = Values<typeof crossvalPositionals & typeof crossvalOptions>;
