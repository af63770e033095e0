import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readNifti, writePhantom } from "@lobule/data";
import { referenceSpec, UNet } from "@lobule/nn";
import { nodeStorage } from "@lobule/node";
import { writeSafetensors } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand, runScript } from "../testing/run-command.js";

const example = (name: string): string => fileURLToPath(new URL(`../../../../examples/onnx/${name}`, import.meta.url));

let root: string;
const at = (...names: string[]): string => join(root, ...names);
const scan = (): string => at("data", "imagesTr", "phantom_001.nii.gz");

/** A checkpoint of a network with start values; normalized by sample, its features tell pixels apart. */
async function writeCheckpoint(path: string): Promise<void> {
  const classes = ["background", "liver", "cancer"];
  const sizes = { baseFeatures: 2, depth: 1 };
  const network = { ...referenceSpec, norm: "instance" } as const;
  const unet = new UNet({ ...network, ...sizes, inChannels: 3, classes: classes.length, seed: 4 });
  const model = {
    version: 1,
    architecture: "UNet",
    classes,
    network,
    ...sizes,
    inputSlices: 3,
    size: null,
    window: [-160, 240],
    preset: null,
  };
  await writeFile(path, writeSafetensors(await unet.stateDict(), { model: JSON.stringify(model) }));
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-export-"));
  await writePhantom(nodeStorage, at("data"), { cases: 1, testCases: 0, size: 17, slices: [3, 3], seed: 2 });
  await writeCheckpoint(at("model.safetensors"));
  const { code, err } = await runCommand(["export", "onnx", at("model.safetensors"), "-o", at("m.onnx"), "--monai"]);
  expect(code, err).toBe(0);
}, 60_000);
afterAll(() => rm(root, { recursive: true, force: true }));

describe("the examples give the labels of the command", () => {
  const labels = async (path: string): Promise<unknown> => {
    const { data, shape, affine } = await readNifti(nodeStorage, path);
    return { data: [...data], shape, affine };
  };
  let expected: unknown;
  beforeAll(async () => {
    const { code, err } = await runCommand(["segment", scan(), "-m", at("model.safetensors"), "-o", at("own.nii.gz")]);
    expect(code, err).toBe(0);
    expected = await labels(at("own.nii.gz"));
    expect(new Set((await readNifti(nodeStorage, at("own.nii.gz"))).data).size).toBeGreaterThan(1);
  }, 120_000);

  test("Node", async () => {
    const { code, err } = await runScript(example("segment.mjs"), [at("m.onnx"), scan(), at("node.nii.gz")]);
    expect(code, err).toBe(0);
    expect(await labels(at("node.nii.gz"))).toEqual(expected);
  });

  test("a page's function", async () => {
    const { segment } = await import(example("segment-in-browser.js"));
    const file = new File([await readFile(scan())], "scan.nii.gz");
    const found: Blob = await segment(
      await readFile(at("m.onnx")),
      JSON.parse(await readFile(at("m.json"), "utf8")),
      file,
    );
    await writeFile(at("page.nii.gz"), new Uint8Array(await found.arrayBuffer()));
    expect(await labels(at("page.nii.gz"))).toEqual(expected);
  });

  test("Python", async ({ skip }) => {
    const python = ["python3", "/usr/bin/python3"].find((each) => {
      try {
        execFileSync(each, ["-c", "import onnxruntime, nibabel"], { stdio: "ignore" });
        return true;
      } catch {
        return false;
      }
    });
    skip(python === undefined, "python3 has no onnxruntime and nibabel here");
    execFileSync(python ?? "python3", [example("segment.py"), at("m.onnx"), scan(), at("python.nii.gz")]);
    expect(await labels(at("python.nii.gz"))).toEqual(expected);
  });
});

test("the metadata of a bundle names the network's input and output", async () => {
  const metadata = JSON.parse(await readFile(at("configs", "metadata.json"), "utf8"));
  expect(metadata.network_data_format).toMatchObject({
    inputs: { slices: { num_channels: 3, value_range: [-160, 240] } },
    outputs: { labels: { format: "segmentation", value_range: [0, 2] } },
  });
});

test.each([
  [["-o", "m.bin"], /^lobule: -o .*m\.bin: the name of the file must end in \.onnx\n$/],
  [["-o", "m.onnx"], /^lobule: .*m\.onnx is there already; remove it or add --force\n$/],
])("export onnx %j is refused in a sentence", async ([option = "", name = ""], message) => {
  const { code, out, err } = await runCommand(["export", "onnx", at("model.safetensors"), option, at(name)]);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(message);
});
