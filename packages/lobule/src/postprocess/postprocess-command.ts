import { DataError } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  choosePostprocessing,
  listFailures,
  measureComponents,
  planEvaluation,
  postprocessingText,
  readModel,
  SlicePredictor,
  savePostprocessing,
} from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { path, required, whole, withDefault } from "../command-line/option.js";
import { interruptible } from "../shared/interruption.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { plural } from "../shared/text.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";

const positionals = { run: required(path("run folder", "input", "RUN")) };
const options = {
  "at-once": withDefault(whole("slices that the network takes at once", { least: 1 }), 4),
  "trust-code": trustCodeOption,
  device: deviceOption,
};

export const postprocessCommand = command({
  name: "postprocess",
  describe: "Choose what is done to a run's labels, by its validation cases",
  positionals,
  options,
  run: postprocess,
  examples: [["postprocess runs/liver", "the largest component, or a least volume, of each class that gains by it"]],
});

const words = { stopping: "stopping", stopped: "interrupted; nothing was chosen" };

async function postprocess(args: Values<typeof positionals & typeof options>): Promise<void> {
  const { run, atOnce } = args;
  const model = await readModel(nodeStorage, run, codeTrust(args));
  const { cases, failures } = await planEvaluation(nodeStorage, run, model, {});
  if (failures.length > 0) throw new DataError(`all validation cases are needed: ${listFailures(failures)}`);
  const device = await openDevice();
  const bar = progress("segmenting");
  try {
    const predictor = new SlicePredictor(device, model, { atOnce });
    const measured = await interruptible(words, (signal) =>
      measureComponents(nodeStorage, predictor, cases, {
        signal,
        onCase: (done, total) => bar.update(done, total, "cases"),
      }),
    );
    bar.end();
    const rules = [...choosePostprocessing(measured, model.description.classes)];
    const names = measured.map(({ name }) => name);
    const file = await savePostprocessing(nodeStorage, run, { checkpoint: model.sha256, cases: names, rules });
    say(
      rules.length === 0
        ? `nothing raises the mean Dice of ${plural(names.length, "validation case")}: labels are left as they are`
        : postprocessingText({ rules }),
      `written: ${file}, which segment, evaluate and the studio go by`,
    );
  } finally {
    bar.end();
    device.destroy();
  }
}
