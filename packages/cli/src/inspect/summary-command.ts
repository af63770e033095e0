import { summary } from "@lobule/nn";
import { buildNetwork, ConfigError, readModel } from "@lobule/train";
import type { CommandModule } from "yargs";
import { measureRoof } from "../bench/roof.js";
import { openDevice } from "../shared/open-device.js";
import { say, sayText } from "../shared/output.js";

interface SummaryArguments {
  readonly model: string;
  readonly size?: number;
  readonly batch: number;
}

export const summaryCommand: CommandModule<object, SummaryArguments> = {
  command: "summary <model>",
  describe: "List a model's layers: shapes, parameters, FLOPs, bytes, least time",
  builder: (parser) =>
    parser
      .positional("model", { type: "string", demandOption: true, describe: "run folder or checkpoint" })
      .option("size", { type: "number", describe: "side of a slice [the model's, or 512]" })
      .option("batch", { type: "number", default: 1, describe: "slices at once" })
      .example("$0 summary runs/liver --size 256 --batch 4", "a forward pass of four slices") as never,
  handler: summarise,
};

async function summarise({ model: path, size, batch }: SummaryArguments): Promise<void> {
  const { description, code } = await readModel(path);
  const network = buildNetwork(description, 0, code).eval();
  const side = size ?? description.size ?? 512;
  const { divisor = 1 } = network;
  if (!(Number.isInteger(side) && side > 0) || side % divisor !== 0) {
    throw new ConfigError(`--size must be a multiple of ${divisor} for this network, got ${side}`);
  }
  if (!(Number.isInteger(batch) && batch > 0))
    throw new ConfigError(`--batch must be a whole number from 1, got ${batch}`);
  const device = await openDevice();
  try {
    const roof = await measureRoof(device, () => performance.now());
    sayText(summary(network, [batch, description.inputSlices, side, side], { roof }));
    say(
      `ms: at least, at ${(roof.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s and ${(roof.bytesPerSecond / 1e9).toFixed(1)} GB/s as measured on this adapter`,
    );
  } finally {
    device.destroy();
  }
}
