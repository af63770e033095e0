import { join } from "node:path";
import { commandText, DataError, entryAt, plural } from "@lobule/data";
import {
  type NnUNetCheckpoint,
  type NnUNetFold,
  nnunetFolds,
  readNnUNetFold,
  WeightMisfitError,
} from "@lobule/interop";
import { nodeStorage } from "@lobule/node";
import { readModel, saveModel, writeEnsemble } from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { choice, list, path, required, text, withDefault } from "../command-line/option.js";
import { say, warn } from "../shared/output.js";
import { listMisfits } from "./list-misfits.js";

const positionals = {
  folder: required(path("folder that nnU-Net v2 trained (…__2d), with plans.json and fold_0", "input", "FOLDER")),
};
const options = {
  out: required(path("folder of the model, new", "folder", "RUN", { short: "o" })),
  folds: list(text("folds that predict together, such as 0 or all [all that are there]", "FOLD")),
  checkpoint: withDefault(choice(["final", "best"], "weights of a fold: of its last epoch, or of its best"), "final"),
};
type ImportArguments = Values<typeof positionals & typeof options>;

export const importNnunetCommand = command({
  name: "import nnunet",
  describe: "Take a network of slices (2d) that nnU-Net trained",
  positionals,
  options,
  run: importNnunet,
  examples: [
    ["import nnunet nnUNetTrainer__nnUNetPlans__2d -o runs/theirs", "all folds, which predict together"],
    ["import nnunet nnUNetTrainer__nnUNetPlans__2d -o runs/one --folds 0", "one fold, which training may go on from"],
  ],
});

async function importNnunet({ folder, out, folds: wanted, checkpoint }: ImportArguments): Promise<void> {
  if ((await entryAt(nodeStorage, out)) !== undefined && (await nodeStorage.list(out)).length > 0) {
    throw new DataError(`${out} is not empty; name another folder with -o`);
  }
  const [one, ...others] = await nnunetFolds(nodeStorage, folder, checkpoint, wanted);
  // All are read before the first is written, so that nothing is where one does not fit.
  const first = await readFold(folder, one, checkpoint);
  const folds = [{ run: one, ...first }];
  for (const run of others) folds.push({ run, ...(await readFold(folder, run, checkpoint)) });
  const members: { readonly run: string; readonly sha256: string }[] = [];
  for (const { run, description, weights, sha256 } of folds) {
    const directory = folds.length === 1 ? out : join(out, run);
    const origin = { format: "nnunet", fold: run, checkpoint, sha256 };
    await saveModel(nodeStorage, directory, { description, weights, code: undefined, origin });
    members.push({ run, sha256: (await readModel(nodeStorage, directory)).sha256 });
  }
  if (folds.length > 1) await writeEnsemble(nodeStorage, out, members);
  const [height, width] = first.plan.patch;
  const [rows, columns] = first.plan.spacing;
  say(
    `${out}: ${[one, ...others].join(", ")}, ${plural(first.weights.size, "tensor")} each`,
    `it sees patches of ${width}×${height} pixels of ${columns} × ${rows} mm`,
    `next: ${commandText("segment", "SCAN", "-m", out, "-o", "LABELS", ...(first.mirrored ? ["--mirror"] : []))}`,
  );
}

async function readFold(folder: string, name: string, checkpoint: NnUNetCheckpoint): Promise<NnUNetFold> {
  try {
    return await readNnUNetFold(nodeStorage, folder, name, checkpoint);
  } catch (error) {
    if (error instanceof WeightMisfitError) warn(...listMisfits(error));
    throw error;
  }
}
