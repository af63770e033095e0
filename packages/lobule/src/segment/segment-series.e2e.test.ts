import { copyFile, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { readNifti } from "@lobule/data";
import { UNet } from "@lobule/nn";
import { nodeStorage } from "@lobule/node";
import { writeSafetensors } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSeries, zipOfSeries } from "../../../dicom/src/testing/write-series.js";
import { runCommand } from "../testing/run-command.js";

let root: string;
let paths: readonly string[];
const at = (...names: string[]): string => join(root, ...names);
const segment = (scans: readonly string[], out: string, ...more: string[]) =>
  runCommand(["segment", ...scans.map((name) => at(name)), "-m", at("model.safetensors"), "-o", at(out), ...more]);

/** The voxels and the place of a NIfTI file as MetaImage. */
async function metaImageOf(path: string): Promise<Uint8Array> {
  const { shape, spacing, affine, data } = await readNifti(nodeStorage, path);
  const lps = (axis: number): number[] => affine.map((row, i) => (i === 2 ? 1 : -1) * (row[axis] ?? 0));
  const header = `ObjectType = Image
NDims = 3
BinaryData = True
TransformMatrix = ${[0, 1, 2].flatMap((axis) => lps(axis).map((step) => step / (spacing[axis] ?? 1))).join(" ")}
Offset = ${lps(3).join(" ")}
ElementSpacing = ${spacing.join(" ")}
DimSize = ${shape.join(" ")}
ElementType = MET_SHORT
ElementDataFile = LOCAL
`;
  return Buffer.concat([Buffer.from(header), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-series-"));
  paths = await writeSeries(at("series"), { slices: 5, syntax: "1.2.840.10008.1.2.4.70" });
  await writeFile(at("zipped.zip"), await zipOfSeries(paths));
  const sizes = { baseFeatures: 1, depth: 1 };
  const classes = ["background", "liver"];
  const model = { version: 1, architecture: "UNet", classes, ...sizes, size: null, window: [-900, -600], preset: null };
  const weights = await new UNet({ ...sizes, classes: 2, seed: 1 }).stateDict();
  // With this bias liver is what is brightest: a part of the fourth slice, and the last one.
  weights.get("head.bias")?.data.set([-0.45, -0.25]);
  await writeFile(at("model.safetensors"), writeSafetensors(weights, { model: JSON.stringify(model) }));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test("a series, its zip and a MetaImage get the labels of their NIfTI file, once", async () => {
  const converted = await runCommand(["data", "convert", at("zipped.zip"), "-o", at("scan.nii.gz")]);
  expect(converted.code, converted.err).toBe(0);
  await writeFile(at("image.mha"), await metaImageOf(at("scan.nii.gz")));
  const scans = ["series", "zipped.zip", "image.mha", "scan.nii.gz"];
  const { code, err } = await segment(scans, "labels");
  expect(code, err).toBe(0);
  expect(err).toContain("zipped.zip: 1 file of");
  const [first, ...others] = await Promise.all(
    ["series", "zipped", "image", "scan"].map((name) => readNifti(nodeStorage, at("labels", `${name}.nii.gz`))),
  );
  expect(new Set(first?.data)).toEqual(new Set([0, 1]));
  for (const each of others) expect(each).toEqual(first);
  expect(await readdir(at("labels"))).toHaveLength(5);
  const again = await segment(scans, "labels", "--json");
  const lines = again.out.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).alreadyThere)).toEqual([true, true, true, true]);
  // A slice that was written anew.
  await utimes(paths[2] ?? "", 1, 1);
  expect((await segment(["series"], "labels")).err).toContain("is there already; remove it or add --force");
});

test("labels of a series become a DICOM SEG that refers to its slices", async () => {
  const { code, out, err } = await segment(["series"], "seg.dcm", "--preview");
  expect(code, err).toBe(0);
  expect(out).toMatch(/seg\.dcm: liver [\d.]+ ml\n/);
  const seg = await readFile(at("seg.dcm"), "latin1");
  for (const own of ["1.2.3.4.5", "1.2.3.9", "liver", "Doe^Jane"]) expect(seg).toContain(own);
  expect((await readFile(at("seg.png"))).subarray(1, 4).toString()).toBe("PNG");
});

test("of several series one is to be named, and of other scans none", async () => {
  const other = await writeSeries(at("other"), { seriesUid: "1.2.5", slices: 2 });
  for (const path of paths) await copyFile(path, join(at("other"), `first-${basename(path)}`));
  expect(other).toHaveLength(2);
  const refused = await segment(["other"], "x.nii.gz");
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.err).toMatch(
    /^lobule: .*other holds 2 series; name one with --series: 1\.2\.5 \(2 files, Thorax\), 1\.2\.3\.4 \(5 files, Thorax\)\n$/,
  );
  const named = await segment(["scan.nii.gz"], "x.nii.gz", "--series", "1.2.5");
  expect(named.err).toMatch(/^lobule: --series 1\.2\.5 names one of several series .*scan\.nii\.gz is neither\n$/);
  expect((await readdir(root)).filter((name) => name.startsWith("x"))).toEqual([]);
});
