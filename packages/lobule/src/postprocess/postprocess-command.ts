import { join } from "node:path";
import { DataError, plural } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  type CaseComponents,
  choosePostprocessing,
  isForeignModel,
  listFailures,
  measureComponents,
  planEvaluation,
  postprocessingText,
  readEnsemble,
  readModels,
  SlicePredictor,
  savePostprocessing,
  weightsOf,
} from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { path, required, whole, withDefault } from "../command-line/option.js";
import { interruptible } from "../shared/interruption.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";

const positionals = { run: required(path("folder of a run or a cross-validation", "input", "RUN")) };
const options = {
  "at-once": withDefault(whole("slices that the network takes at once", { least: 1 }), 4),
  "trust-code": trustCodeOption,
  device: deviceOption,
};

export const postprocessCommand = command({
  name: "postprocess",
  describe: "Choose what is done to a model's labels, by validation cases",
  positionals,
  options,
  run: postprocess,
  examples: [["postprocess runs/liver", "the largest component, or a least volume, of each class that gains by it"]],
});

const words = { stopping: "stopping", stopped: "interrupted; nothing was chosen" };

async function postprocess({ run, atOnce, ...trust }: Values<typeof positionals & typeof options>): Promise<void> {
  const models = await readModels(nodeStorage, run, codeTrust(trust));
  const ensemble = await readEnsemble(nodeStorage, run);
  const folders = ensemble === null ? [run] : ensemble.members.map((member) => join(run, member.run));
  for (const folder of folders) {
    if (!(await isForeignModel(nodeStorage, folder))) continue;
    throw new DataError(`${folder} was imported, so it has no validation cases by which something could be chosen`);
  }
  const device = await openDevice();
  const bar = progress("segmenting");
  try {
    const measured = await interruptible(words, async (signal) => {
      const all: CaseComponents[] = [];
      const labels = new Set<number>();
      const notes = new Set<string>();
      for (const [i, model] of models.entries()) {
        const plan = await planEvaluation(nodeStorage, folders[i] ?? run, model, {});
        const { failures, mapping } = plan;
        if (failures.length > 0) throw new DataError(`all validation cases are needed: ${listFailures(failures)}`);
        for (const label of mapping.measured) labels.add(label);
        const predictor = new SlicePredictor(device, model, { atOnce });
        const options = { signal, onCase: (done: number, total: number) => bar.update(done, total, "cases") };
        const found = measureComponents(nodeStorage, predictor, plan, options).finally(() => predictor.close());
        const { cases, notes: odd } = await found;
        all.push(...cases);
        for (const note of odd) notes.add(note);
      }
      return { cases: all, labels, notes };
    });
    bar.end();
    for (const note of measured.notes) warn(`note: ${note}`);
    const rules = [...choosePostprocessing(measured.cases, models[0]?.description.classes ?? [], [...measured.labels])];
    const names = measured.cases.map(({ name }) => name);
    const chosen = { checkpoint: weightsOf(models), cases: names, rules };
    const file = await savePostprocessing(nodeStorage, run, chosen);
    say(
      rules.length === 0
        ? `nothing raises the 3D Dice of ${plural(names.length, "validation case")}: labels are left as they are`
        : postprocessingText({ rules }),
      `written: ${file}, which ${ensemble === null ? "segment, evaluate and the studio go" : "segment goes"} by`,
    );
  } finally {
    bar.end();
    device.destroy();
  }
}
