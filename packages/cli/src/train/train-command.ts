import type { CommandModule } from "yargs";
import { runTraining } from "./run-training.js";
import { trainOptions } from "./train-options.js";

export const trainCommand: CommandModule<object, object> = {
  command: "train [preset]",
  describe: "Train a network on a Decathlon folder",
  builder: (parser) =>
    trainOptions(parser)
      .example("$0 train liver --data Task03_Liver --out runs/liver", "the reference's liver model")
      .example("$0 train --data DIR --out RUN --size 128 --epochs 12 --lr 1e-3", "any Decathlon folder")
      .example("$0 train --resume runs/liver", "go on after Ctrl-C"),
  handler: (args) => runTraining(args as Readonly<Record<string, unknown>>),
};
