import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChannelsError } from "@lobule/data";
import { afterAll, beforeAll, expect, test } from "vitest";
import { segmentFiles } from "../segment/segment-files.js";
import { readingFor, scansOfChannels } from "./channel-files.js";

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const channels = ["T1", "T2"];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-channels-"));
  await mkdir(at("scans"));
  for (const name of ["a_0000.nii.gz", "a_0001.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz", "four.nii"])
    await writeFile(at("scans", name), "");
  await writeFile(at("c_0000.nii.gz"), "");
  await writeFile(at("d_0001.nii.gz"), "");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a folder or wildcard of all channels names each scan once, and its labels have no channel in their name", async () => {
  const files = await segmentFiles([at("scans")], at("out"), { channels });
  expect(files.map(({ scan, otherChannels, output }) => [scan, otherChannels, output])).toEqual([
    [at("scans/a_0000.nii.gz"), [at("scans/a_0001.nii.gz")], at("out/a.nii.gz")],
    [at("scans/b_0000.nii.gz"), [at("scans/b_0001.nii.gz")], at("out/b.nii.gz")],
    [at("scans/four.nii"), undefined, at("out/four.nii.gz")],
  ]);
  const first = await segmentFiles([at("scans/b_0000.nii.gz")], at("labels.nii.gz"), { channels });
  expect(first).toMatchObject([{ otherChannels: [at("scans/b_0001.nii.gz")], output: at("labels.nii.gz") }]);
});

test("for a model of one channel every file is a scan of its own", async () => {
  const files = await segmentFiles([at("scans")], at("out"));
  expect(files.map(({ output }) => output)).toContain(at("out/a_0001.nii.gz"));
  expect(files).toHaveLength(5);
});

test("channels of one image by their dataset.json are no scans for a model of one channel, unless only one is named", async () => {
  for (const name of ["imagesTr", "labelsTr", "imagesTs"]) await mkdir(at("task", name), { recursive: true });
  const labels = { background: 0, spot: 1 };
  await writeFile(at("task", "dataset.json"), JSON.stringify({ channel_names: { 0: "T1", 1: "T2" }, labels }));
  await writeFile(at("task", "labelsTr", "a.nii.gz"), "");
  for (const name of ["imagesTr/a_0000", "imagesTr/a_0001", "imagesTs/b_0000", "imagesTs/b_0001"])
    await writeFile(at("task", `${name}.nii.gz`), "");
  await expect(segmentFiles([at("task/imagesTs")], at("out"))).rejects.toThrow(
    /b_0000\.nii\.gz and .*b_0001\.nii\.gz are channels of one image, which has 2 channels \(T1, T2\) by .*dataset\.json, and the model takes one channel; give the files of that channel alone$/,
  );
  expect(await segmentFiles([at("task/imagesTs/b_0001.nii.gz")], at("out"))).toHaveLength(1);
});

test.each([
  [
    "c_0000.nii.gz",
    /c_0001\.nii\.gz is missing: it is the channel T2 of .*c_0000\.nii\.gz, and the model takes 2 channels \(T1, T2\)$/,
  ],
  [
    "d_0001.nii.gz",
    /d_0001\.nii\.gz is no first channel of a scan; the model takes 2 channels \(T1, T2\): give .*d_0000\.nii\.gz, and/,
  ],
  ["e.nrrd", /e\.nrrd is one channel, and the model takes 2 channels \(T1, T2\); give NIfTI files CASE_0000\.nii\.gz/],
  ["series", /series is one channel, and the model takes 2 channels/],
])("%s is refused", async (name, message) => {
  await expect(scansOfChannels([at(name)], channels)).rejects.toThrow(message);
});

test("labels never replace a channel of their scan", async () => {
  await expect(segmentFiles([at("scans/a_0000.nii.gz")], at("scans/a_0001.nii.gz"), { channels })).rejects.toThrow(
    /a_0001\.nii\.gz/,
  );
});

test.each([
  [1, "a.nii is a 4D image; the model takes one channel: take one volume out of the file"],
  [
    3,
    "a.nii is a 4D image; the model takes 3 channels: give one file with all of them, or CASE_0000.nii.gz with CASE_0001.nii.gz and so on beside it",
  ],
])("of a scan with other channels than the %d of the model no data set is spoken of", async (channels, message) => {
  const read = () => Promise.reject(new ChannelsError("a.nii is a 4D image", "name them in its dataset.json"));
  await expect(readingFor(channels, read)).rejects.toThrow(message);
});
