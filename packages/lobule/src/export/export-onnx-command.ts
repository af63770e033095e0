import { dirname, join } from "node:path";
import { DataError, entryAt, writeFileAtomically } from "@lobule/data";
import { exportOnnx, monaiMetadata } from "@lobule/interop";
import { nodeStorage } from "@lobule/node";
import { readModel, unfinishedNote } from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { choice, flag, path, required, withDefault } from "../command-line/option.js";
import { say, warn } from "../shared/output.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";

const positionals = { model: required(path("run folder or checkpoint", "input", "RUN")) };
const options = {
  out: required(
    path("file to write; a .json of the same name is written beside it", "file", "FILE.onnx", { short: "o" }),
  ),
  output: withDefault(choice(["labels", "logits"], "what the model gives for each slice"), "labels"),
  monai: flag("also write configs/metadata.json of a MONAI bundle beside the file"),
  force: flag("replace files that are there"),
  "trust-code": trustCodeOption,
};
type ExportArguments = Values<typeof positionals & typeof options>;

export const exportOnnxCommand = command({
  name: "export onnx",
  describe: "Write a model as ONNX, with window and padding inside",
  positionals,
  options,
  run: exportModel,
  examples: [["export onnx runs/liver -o liver.onnx", "labels of slices in HU, in any ONNX runtime"]],
});

async function exportModel({ model: source, out, output, monai, force, trustCode }: ExportArguments): Promise<void> {
  if (!/\.onnx$/i.test(out)) throw new DataError(`-o ${out}: the name of the file must end in .onnx`);
  const files = {
    description: out.replace(/\.onnx$/i, ".json"),
    metadata: join(dirname(out), "configs", "metadata.json"),
  };
  const written = [out, files.description, ...(monai ? [files.metadata] : [])];
  for (const file of force ? [] : written) {
    if ((await entryAt(nodeStorage, file)) !== undefined)
      throw new DataError(`${file} is there already; remove it or add --force`);
  }
  const saved = await readModel(nodeStorage, source, codeTrust({ trustCode }));
  const { model, description } = await exportOnnx(saved, { output });
  const note = await unfinishedNote(nodeStorage, saved.source);
  if (note !== undefined) warn(`note: ${note}`);
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  await writeFileAtomically(nodeStorage, out, model);
  await writeFileAtomically(nodeStorage, files.description, json(description));
  if (monai) {
    await nodeStorage.makeFolder(dirname(files.metadata));
    await writeFileAtomically(nodeStorage, files.metadata, json(monaiMetadata(description)));
  }
  say(
    `${written.join(", ")}: ${description.classes.join(", ")}; opset ${description.opset}, ${(model.length / 2 ** 20).toFixed(1)} MiB`,
  );
}
