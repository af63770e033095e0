import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNifti, writeNifti } from "@lobule/data";
import { UNet } from "@lobule/nn";
import { nodeStorage } from "@lobule/node";
import { writeSafetensors } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { addPrivateAttributes, writeSeries } from "../../../dicom/src/testing/write-series.js";
import { runCommand } from "../testing/run-command.js";

let root: string;
const at = (...names: string[]): string => join(root, ...names);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-convert-"));
  for (const path of await writeSeries(at("series"), { syntax: "1.2.840.10008.1.2.4.70" }))
    await addPrivateAttributes(path);
  const sizes = { baseFeatures: 1, depth: 1 };
  const classes = ["background", "liver", "tumor"];
  const model = { version: 1, architecture: "UNet", classes, ...sizes, size: null, window: [-160, 240], preset: null };
  const weights = await new UNet({ ...sizes, classes: 3 }).stateDict();
  await writeFile(at("model.safetensors"), writeSafetensors(weights, { model: JSON.stringify(model) }));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test("a compressed series becomes a volume, and its labels a DICOM SEG", async () => {
  const converted = await runCommand(["data", "convert", at("series"), "-o", at("scan.nii.gz")]);
  expect(converted.code, converted.err).toBe(0);
  // Nothing is said of the scanner's own attributes.
  expect(converted.err).toBe("");
  expect(converted.out).toMatch(/scan\.nii\.gz: 6×5×4 voxels of 0\.5×0\.75×2\.5 mm/);
  const scan = await readNifti(nodeStorage, at("scan.nii.gz"));
  expect([scan.data[0], scan.data[119]]).toEqual([-1024, -691]);
  const data = Uint8Array.from(scan.data, (value) => Number(value > -800));
  await writeNifti(nodeStorage, at("labels.nii.gz"), { ...scan, data }, { header: scan.header });
  const words = ["export", "dicom-seg", at("labels.nii.gz"), "--scan", at("series"), "-m", at("model.safetensors")];
  const { code, out, err } = await runCommand([...words, "-o", at("seg.dcm"), "--anonymize"]);
  expect(code, err).toBe(0);
  expect(out).toMatch(/seg\.dcm: liver of 4 slices/);
  const seg = await readFile(at("seg.dcm"), "latin1");
  expect(seg).toContain("liver");
  expect(seg).not.toContain("Doe");
  words[1] = "dicom-rtstruct";
  // Labels of an ensemble are exported by its folder.
  const bytes = await readFile(at("model.safetensors"));
  const members = [0, 1].map((fold) => ({
    run: `fold${fold}`,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  }));
  for (const { run } of members) {
    await mkdir(at("folds", run, "checkpoints"), { recursive: true });
    await writeFile(at("folds", run, "checkpoints", "best.safetensors"), bytes);
  }
  await writeFile(at("folds", "ensemble.json"), JSON.stringify({ format: "lobule-ensemble", version: 1, members }));
  words[words.length - 1] = at("folds");
  const outlines = await runCommand([...words, "-o", at("rt.dcm")]);
  expect(outlines.code, outlines.err).toBe(0);
  expect(outlines.out).toMatch(/rt\.dcm: liver of 4 slices/);
  expect(await readFile(at("rt.dcm"), "latin1")).toContain("CLOSED_PLANAR");
  const among = await runCommand([...words, "-o", at("series", "rt.dcm"), "--force"]);
  expect(among).toMatchObject({ code: 1, err: expect.stringContaining("would be among the files of the series") });
});

test.each([
  [["series", "-o", "scan.nrrd"], /^lobule: -o .*scan\.nrrd: the name of the file must end in \.nii or \.nii\.gz\n$/],
  [
    ["model.safetensors", "-o", "x.nii"],
    /^lobule: .*model\.safetensors is of no known form; give a name that ends in .*\n$/,
  ],
])("data convert %j is refused in a sentence", async ([scan = "", option = "", out = ""], message) => {
  const found = await runCommand(["data", "convert", at(scan), option, at(out)]);
  expect(found.code).toBe(1);
  expect(found.err).toMatch(message);
});
