import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeStorage } from "@lobule/node";
import { readSafetensors, writeSafetensors } from "@lobule/tensor";
import { type Intensities, networkSettingsSchema, networkSpec } from "@lobule/train";
import { expect, test } from "vitest";
import { readNnUNetFold } from "../nnunet/nnunet-folder.js";
import { modelScript } from "./model-script.js";

const fixtures = fileURLToPath(new URL("../../../../bench/fixtures", import.meta.url));

/** What is of account here of a fixture's info.json. */
interface Info {
  readonly F: number;
  readonly network: unknown;
  readonly input: readonly number[];
}

const normalization = { kind: "foreground", mean: 100, deviation: 50 } as const;
/** HU, and what a network of a window, or of z-scores, is to see; the last are by an image's own mean and deviation. */
const values = {
  hu: [-1000, -160, 40, 3000],
  window: [0, 0, 0.5, 1],
  scores: [-5.2, -5.2, -1.2, 2.8],
  ofImage: [-22, -5.2, -1.2, 32],
};

/** Says how far the logits of each folder's model.py are from those in io.safetensors, over the largest of these. */
const compare = `
import importlib.util, inspect, json, os, struct, sys, torch
def read(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    return {k: torch.frombuffer(bytearray(data[slice(*v["data_offsets"])]), dtype=torch.float32).reshape(v["shape"])
            for k, v in header.items() if k != "__metadata__" and v["dtype"] == "F32"}
errors = {}
for folder in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("model", os.path.join(folder, "model.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    io = read(os.path.join(folder, "io.safetensors"))
    with torch.no_grad():
        logits = module.load()(io["input"])
    hu = torch.tensor(${JSON.stringify(values.hu)})
    if hasattr(module, "of_channels"):
        prepared = module.prepare(hu.reshape(1, 1, 1, -1).expand(1, 2, 1, -1), (0, 100), (1, 50))
        first = (hu.clamp(-17.5, 201.25) - 101.5) / 37.25
        assert torch.allclose(prepared[0, :, 0], torch.stack([first, torch.tensor(${JSON.stringify(values.ofImage)})])), prepared
        errors[os.path.basename(folder)] = ((logits - io["logits_eval"]).abs().max() / io["logits_eval"].abs().max()).item()
        continue
    by_image = "mean" in inspect.signature(module.prepare).parameters
    prepared = module.prepare(hu, mean=100, deviation=50) if by_image else module.prepare(hu)
    expected = torch.tensor(${JSON.stringify(values.ofImage)}) if by_image else torch.tensor(${JSON.stringify(values.scores)} if hasattr(module, "MEAN") else ${JSON.stringify(values.window)})
    assert torch.allclose(prepared, expected), prepared
    errors[os.path.basename(folder)] = ((logits - io["logits_eval"]).abs().max() / io["logits_eval"].abs().max()).item()
print(json.dumps(errors))
`;

/** A network that nnU-Net trained, with its logits under the names of the other fixtures. */
async function nnunetFolder(root: string, name: string, intensities?: Intensities): Promise<string> {
  const trained = fileURLToPath(new URL(`../nnunet/fixtures/${name}`, import.meta.url));
  const { description, weights } = await readNnUNetFold(nodeStorage, trained, "fold_0", "final");
  const io = readSafetensors(await readFile(join(trained, "io.safetensors")));
  const [input, logits] = [io.get("image"), io.get("logits.0")];
  if (input === undefined || logits === undefined) throw new Error(`${trained} has no image or no logits`);
  const folder = join(root, `nnunet-${name}`);
  await mkdir(folder);
  const tensors = new Map([["input", input] as const, ["logits_eval", logits] as const]);
  await writeFile(join(folder, "io.safetensors"), writeSafetensors(tensors));
  await writeFile(join(folder, "weights.safetensors"), writeSafetensors(weights));
  await writeFile(
    join(folder, "model.py"),
    modelScript(
      intensities === undefined ? description : { ...description, ...intensities, window: [...intensities.window] },
    ),
  );
  return `nnunet-${name}`;
}

test("the network of model.py computes what PyTorch computed of every fixture", async ({ skip }) => {
  const python = ["python3", "/usr/bin/python3"].find((each) => {
    try {
      execFileSync(each, ["-c", "import torch"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
  skip(python === undefined, "python3 has no PyTorch here");
  const root = await mkdtemp(join(tmpdir(), "lobule-pytorch-"));
  try {
    const names = (await readdir(fixtures)).filter((name) => /^net_(?!F)/.test(name));
    for (const [i, name] of names.entries()) {
      const folder = join(root, name);
      await mkdir(folder);
      for (const file of ["io", "weights"]) {
        const bytes = await readFile(join(fixtures, name, `${file}.safetensors`));
        await writeFile(join(folder, `${file}.safetensors`), bytes);
      }
      const {
        F: baseFeatures,
        network,
        input,
      }: Info = JSON.parse(await readFile(join(fixtures, name, "info.json"), "utf8"));
      const weights = readSafetensors(await readFile(join(folder, "weights.safetensors")));
      const depth = new Set([...weights.keys()].flatMap((key) => /^encoder\.\d+/.exec(key) ?? [])).size;
      const script = modelScript({
        version: 1,
        architecture: "UNet",
        network: networkSpec(networkSettingsSchema.parse(network)),
        inputSlices: input[1] ?? 1,
        classes: ["background", "liver", 'a "tumor"'],
        baseFeatures,
        depth,
        size: null,
        window: [-160, 240],
        ...(i % 2 === 0 ? {} : { normalization }),
        preset: null,
      });
      expect(script.split("\n").length, name).toBeLessThan(110);
      await writeFile(join(folder, "model.py"), script);
    }
    names.push(await nnunetFolder(root, "plain", { window: [-160, 240], normalization }));
    names.push(await nnunetFolder(root, "residual", { window: [-32, 32], normalization: { kind: "image" } }));
    names.push(await nnunetFolder(root, "channels"));
    const folders = names.map((name) => join(root, name));
    const errors: Record<string, number> = JSON.parse(
      execFileSync(python ?? "python3", ["-c", compare, ...folders], { encoding: "utf8" }),
    );
    expect(Object.keys(errors)).toHaveLength(names.length);
    expect(names.length).toBeGreaterThan(12);
    for (const [name, error] of Object.entries(errors)) expect(error, name).toBeLessThan(1e-5);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
