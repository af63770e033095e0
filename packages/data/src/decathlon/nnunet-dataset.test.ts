import { describe, expect, test } from "vitest";
import { writeFileAtomically } from "../files/atomic-file.js";
import { MemoryStorage } from "../storage/memory-storage.js";
import { readDecathlon } from "./read-decathlon.js";

const document = {
  channel_names: { "0": "CT" },
  labels: { background: 0, tumor: 2, liver: 1 },
  numTraining: 2,
  file_ending: ".nii.gz",
};
const usual = [
  "imagesTr/liver_1_0000.nii.gz",
  "imagesTr/liver_0_0000.nii.gz",
  "labelsTr/liver_1.nii.gz",
  "labelsTr/liver_0.nii.gz",
  "imagesTs/liver_7_0000.nii.gz",
];

async function read(changes: object = {}, files: readonly string[] = usual) {
  const storage = new MemoryStorage();
  for (const folder of ["imagesTr", "labelsTr", "imagesTs"]) await storage.makeFolder(`/data/${folder}`);
  await writeFileAtomically(storage, "/data/dataset.json", JSON.stringify({ ...document, ...changes }));
  for (const file of files) await writeFileAtomically(storage, `/data/${file}`, "");
  return readDecathlon(storage, "/data");
}

test("an nnU-Net v2 folder is read as a Decathlon task", async () => {
  expect(await read()).toEqual({
    name: "data",
    directory: "/data",
    labels: ["background", "liver", "tumor"],
    modality: ["CT"],
    channels: 1,
    cases: [0, 1].map((n) => ({
      name: `liver_${n}`,
      image: `/data/imagesTr/liver_${n}_0000.nii.gz`,
      label: `/data/labelsTr/liver_${n}.nii.gz`,
    })),
    testImages: ["/data/imagesTs/liver_7_0000.nii.gz"],
    notes: [],
  });
});

test("each channel of a case has a file of its own", async () => {
  const others = ["imagesTr/liver_0_0001.nii.gz", "imagesTr/liver_1_0001.nii.gz", "imagesTs/liver_7_0001.nii.gz"];
  const task = await read({ channel_names: { "1": "T2", "0": "T1" } }, [...usual, ...others]);
  expect(task).toMatchObject({
    modality: ["T1", "T2"],
    channels: 2,
    testImages: ["/data/imagesTs/liver_7_0000.nii.gz"],
  });
  expect(task.cases[1]).toEqual({
    name: "liver_1",
    image: "/data/imagesTr/liver_1_0000.nii.gz",
    otherChannels: ["/data/imagesTr/liver_1_0001.nii.gz"],
    label: "/data/labelsTr/liver_1.nii.gz",
  });
});

describe("what is not read is refused by name", () => {
  test.each([
    [
      "the file of a channel that is missing",
      { channel_names: { "0": "T1", "1": "T2" } },
      usual,
      "labelsTr/liver_0.nii.gz has no image imagesTr/liver_0_0001.nii.gz",
    ],
    [
      "gaps between channels",
      { channel_names: { "0": "T1", "2": "T2" } },
      usual,
      "channels must be numbered 0, 1, 2, … without gaps, but they are 0, 2",
    ],
    ["no channel", { channel_names: {} }, usual, "'channel_names' names no channel"],
    ["regions", { labels: { background: 0, whole: [1, 2] } }, usual, "'whole' is a region of several labels"],
    ["pictures", { file_ending: ".png" }, usual, "its images end in '.png', and .nii and .nii.gz are read"],
    ["a label without an image", {}, usual.slice(1), "liver_1.nii.gz has no image imagesTr/liver_1_0000.nii.gz"],
    ["gaps in the labels", { labels: { background: 0, liver: 2 } }, usual, "label values must be 0, 1, 2"],
    ["a value that comes twice", { labels: { background: 0, a: 1, b: 1 } }, usual, "names the label value 1 twice"],
    ["no labels", { labels: 3 }, usual, "does not describe an nnU-Net data set: 'labels'"],
  ])("%s", async (_, changes, files, message) => {
    await expect(read(changes, files)).rejects.toThrow(message);
  });
});
