import { join } from "node:path";
import { DataError, entryAt, writeFileAtomically } from "@lobule/data";
import { modelScript } from "@lobule/interop";
import { nodeStorage } from "@lobule/node";
import { writeSafetensors } from "@lobule/tensor";
import { readModel, unfinishedNote } from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { flag, path, required } from "../command-line/option.js";
import { say, warn } from "../shared/output.js";

const positionals = { model: required(path("run folder or checkpoint", "input", "RUN")) };
const options = {
  out: required(path("folder for weights.safetensors and model.py", "folder", "DIR", { short: "o" })),
  force: flag("replace files that are there"),
};
type ExportArguments = Values<typeof positionals & typeof options>;

export const exportPytorchCommand = command({
  name: "export pytorch",
  describe: "Write a model's weights for PyTorch, with the Python that loads them",
  positionals,
  options,
  run: exportPytorch,
  examples: [["export pytorch runs/liver -o liver-pytorch", "then in Python: from model import load"]],
});

async function exportPytorch({ model: source, out, force }: ExportArguments): Promise<void> {
  const files = { weights: join(out, "weights.safetensors"), script: join(out, "model.py") };
  for (const file of force ? [] : Object.values(files)) {
    if ((await entryAt(nodeStorage, file)) !== undefined)
      throw new DataError(`${file} is there already; remove it or add --force`);
  }
  // No code of the model's own is run: a network of such code is refused.
  const saved = await readModel(nodeStorage, source, { trustCode: true });
  const script = modelScript(saved.description);
  const note = await unfinishedNote(nodeStorage, saved.source);
  if (note !== undefined) warn(`note: ${note}`);
  await nodeStorage.makeFolder(out);
  await writeFileAtomically(nodeStorage, files.weights, writeSafetensors(saved.weights));
  await writeFileAtomically(nodeStorage, files.script, script);
  say(`${Object.values(files).join(", ")}: ${saved.description.classes.join(", ")}`);
}
