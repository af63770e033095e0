import { measureRoof } from "@lobule/bench";
import { summary } from "@lobule/nn";
import { nodeStorage } from "@lobule/node";
import { buildNetwork, ConfigError, inputChannels, readModel } from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { path, required, whole, withDefault } from "../command-line/option.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say, sayText } from "../shared/output.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";

const positionals = { model: required(path("run folder or checkpoint", "input", "RUN")) };
const options = {
  size: whole("side of a slice [the model's, or 512]", { least: 1 }),
  batch: withDefault(whole("slices of a batch", { least: 1 }), 1),
  "trust-code": trustCodeOption,
  device: deviceOption,
};
type SummaryArguments = Values<typeof positionals & typeof options>;

export const summaryCommand = command({
  name: "summary",
  describe: "List a model's layers: shapes, parameters, FLOPs, bytes, least time",
  positionals,
  options,
  run: summarize,
  examples: [["summary runs/liver --size 256 --batch 4", "a forward pass of four slices"]],
});

async function summarize({ model: source, size, batch, trustCode }: SummaryArguments): Promise<void> {
  const { description, code } = await readModel(nodeStorage, source, codeTrust({ trustCode }));
  const network = buildNetwork(description, 0, code).eval();
  const side = size ?? description.size ?? 512;
  const { divisor = 1 } = network;
  if (side % divisor !== 0) {
    throw new ConfigError(`--size must be a multiple of ${divisor} for this network, got ${side}`);
  }
  const device = await openDevice();
  try {
    const roof = await measureRoof(device, () => performance.now());
    sayText(summary(network, [batch, inputChannels(description), side, side], { roof }));
    say(
      `ms: at least, at ${(roof.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s and ${(roof.bytesPerSecond / 1e9).toFixed(1)} GB/s as measured on this adapter`,
    );
  } finally {
    device.destroy();
  }
}
