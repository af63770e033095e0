import { join } from "node:path";
import { commandText, DataError, entryAt, plural, readBytes, readJson, sha256OfFile } from "@lobule/data";
import { matchWeights, PytorchError, readPytorchFile, WeightMisfitError } from "@lobule/interop";
import { nodeStorage } from "@lobule/node";
import { buildNetwork, parseModelSpec, readModel, type SavedModel, saveModel } from "@lobule/train";
import { z } from "zod";
import { command, type Values } from "../command-line/command.js";
import { path, required, text } from "../command-line/option.js";
import { say, warn } from "../shared/output.js";
import { readSettingsFile } from "../shared/settings-file.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";
import { listMisfits } from "./list-misfits.js";

const positionals = { file: required(path(".pt, .pth or .safetensors", "input", "FILE")) };
const options = {
  like: required(path("run with the same network, or a .json or .yaml that describes it", "input", "RUN|SPEC")),
  out: required(path("folder of the model, new", "folder", "RUN", { short: "o" })),
  map: path("JSON with the network's name for each of the file's", "input", "MAP"),
  entry: text("which state dict of the file, where it has several", "KEY"),
  "trust-code": trustCodeOption,
};
type ImportArguments = Values<typeof positionals & typeof options>;

export const importPytorchCommand = command({
  name: "import pytorch",
  describe: "Take weights that were trained in PyTorch",
  positionals,
  options,
  run: importPytorch,
  examples: [
    ["import pytorch liver.pt --like liver.json -o runs/liver", "liver.json says classes, window and network"],
    ["import pytorch liver.pt --like runs/other -o runs/liver", "a network like that of a run"],
  ],
});

async function importPytorch({ file, like, out, map, entry, trustCode }: ImportArguments): Promise<void> {
  if ((await entryAt(nodeStorage, join(out, "checkpoints"))) !== undefined) {
    throw new DataError(`${out} holds a model already; name another folder with -o`);
  }
  const { description, code } = await modelLike(like, trustCode);
  const network = buildNetwork(description, 0, code);
  const wanted = new Map([...network.namedVariables()].map(([name, { shape }]) => [name, shape]));
  const found = await readPytorchFile(nodeStorage, file);
  const names = map === undefined ? undefined : await readMap(map);
  try {
    const { weights, how } = matchWeights(wanted, found, { entry, map: names });
    const origin = { format: "pytorch", sha256: await sha256OfFile(await readBytes(nodeStorage, file, "tensors")) };
    await saveModel(nodeStorage, out, { description, weights, code, origin });
    if (how === "order and shape") {
      warn("note: the names differ, so tensors were matched by order and shape; compare logits before you rely on it");
    }
    say(
      `${out}: ${plural(weights.size, "tensor")} matched by ${how}`,
      `next: ${commandText("segment", "SCAN", "-m", out, "-o", "LABELS")}`,
    );
  } catch (error) {
    if (error instanceof WeightMisfitError) warn(...listMisfits(error));
    throw error instanceof PytorchError ? new DataError(`${file}: ${error.message}`) : error;
  }
}

/** The model whose description and code are taken. */
async function modelLike(like: string, trustCode: boolean): Promise<Pick<SavedModel, "description" | "code">> {
  if (!/\.(json|ya?ml)$/i.test(like)) return readModel(nodeStorage, like, codeTrust({ trustCode }));
  const { settings } = await readSettingsFile(like, "the classes, window and network of a model");
  return { description: parseModelSpec(settings, like), code: undefined };
}

const nameMap = z.record(z.string(), z.string().nullable());

async function readMap(file: string): Promise<Readonly<Record<string, string | null>>> {
  const result = nameMap.safeParse(await readJson(nodeStorage, file, "description"));
  if (result.success) return result.data;
  throw new DataError(`${file}: expected a JSON object with the network's name, or null, for each name of the file`);
}
