import { command } from "../command-line/command.js";
import { runTraining } from "./run-training.js";
import { trainOptions, trainPositionals } from "./train-options.js";
export const trainCommand = command({
  name: "train",
  describe: "Train a network on a Decathlon folder",
  positionals: trainPositionals,
  options: trainOptions,
  examples: [
    ["train liver --data Task03_Liver --out runs/liver", "the reference's liver model"],
    ["train auto --data DIR --out RUN", "settings planned for the data and this adapter"],
    ["train --data DIR --out RUN --size 128 --epochs 12 --lr 1e-3", "any Decathlon folder"],
    ["train --resume runs/liver", "resume after Ctrl-C"],
  ],
  together: true,
  run: runTraining,
});
