import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../data-error.js";
import { readDecathlon } from "./read-decathlon.js";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "decathlon-"));
});
afterAll(() => rm(directory, { recursive: true }));

const put = (content: string): Promise<void> => writeFile(join(directory, "dataset.json"), content);
const pair = (name: string) => ({ image: `./imagesTr/${name}.nii.gz`, label: `./labelsTr/${name}.nii.gz` });
const good = {
  name: "Liver",
  modality: { "0": "CT" },
  labels: { "0": "background", "1": "liver", "2": "cancer" },
  numTraining: 2,
  numTest: 1,
  training: [pair("liver_0"), pair("liver_1")],
  test: ["./imagesTs/liver_2.nii.gz"],
};

describe("readDecathlon", () => {
  it("reads name, labels, modality and absolute paths in their order", async () => {
    await put(JSON.stringify(good));
    expect(await readDecathlon(nodeStorage, directory)).toEqual({
      name: "Liver",
      directory,
      labels: ["background", "liver", "cancer"],
      modality: ["CT"],
      channels: 1,
      cases: [
        {
          name: "liver_0",
          image: join(directory, "imagesTr/liver_0.nii.gz"),
          label: join(directory, "labelsTr/liver_0.nii.gz"),
        },
        {
          name: "liver_1",
          image: join(directory, "imagesTr/liver_1.nii.gz"),
          label: join(directory, "labelsTr/liver_1.nii.gz"),
        },
      ],
      testImages: [join(directory, "imagesTs/liver_2.nii.gz")],
      notes: [],
    });
  });

  it("takes the real files' quirks: counts as text or wrong, paths without ./, ._ files, unknown keys, a BOM", async () => {
    await put(
      `\uFEFF${JSON.stringify({
        ...good,
        licence: "CC-BY-SA 4.0",
        tensorImageSize: "3D",
        numTraining: "3",
        numTest: 140,
        training: [
          { ...pair("vessel_1"), source: [1, 2] },
          { image: "imagesTr/vessel_2.nii", label: "labelsTr/vessel_2.nii" },
          pair("._vessel_2"),
        ],
        test: ["imagesTs/vessel_3.nii.gz", "./imagesTs/._vessel_3.nii.gz", { image: "./imagesTs/vessel_4.nii.gz" }],
      })}`,
    );
    const task = await readDecathlon(nodeStorage, directory);
    expect(task.cases.map(({ name }) => name)).toEqual(["vessel_1", "vessel_2"]);
    expect(task.cases[1]?.image).toBe(join(directory, "imagesTr/vessel_2.nii"));
    expect(task.testImages).toEqual(["3", "4"].map((n) => join(directory, `imagesTs/vessel_${n}.nii.gz`)));
    expect(task.notes).toEqual([
      "numTraining is 3, but 2 are listed",
      "numTest is 140, but 2 are listed",
      "2 entries name ._ files of macOS and are left out",
    ]);
  });

  it("needs only labels and training", async () => {
    await put(JSON.stringify({ labels: good.labels, training: good.training }));
    const task = await readDecathlon(nodeStorage, directory);
    expect(task.name).toBe(directory.split("/").at(-1));
    expect([task.modality, task.testImages, task.notes]).toEqual([[], [], []]);
  });

  it.each([
    ["an empty file", "", "is empty"],
    ["cut off", '{"name": "Liver", "labels": {', "is not valid JSON"],
    ["a list", "[]", "it needs an object, got []"],
    ["no labels", JSON.stringify({ ...good, labels: undefined }), "labels is missing; it needs an object"],
    [
      "labels the wrong way round",
      JSON.stringify({ ...good, labels: { background: 0, liver: 1 } }),
      "labels.background",
    ],
    ["a gap in the labels", JSON.stringify({ ...good, labels: { 0: "background", 2: "x" } }), "they are 0, 2"],
    ["a label value twice", JSON.stringify({ ...good, labels: { 0: "a", 1: "b", "01": "c" } }), "label value 1 twice"],
    ["the background alone", JSON.stringify({ ...good, labels: { 0: "background" } }), "at least one label"],
    ["no training key", JSON.stringify({ ...good, training: undefined }), "training is missing; it needs a list"],
    ["no training cases", JSON.stringify({ ...good, training: [] }), "lists no training cases"],
    ["only ._ files", JSON.stringify({ ...good, training: [pair("._a")] }), "lists no training cases"],
    [
      "a case without a label",
      JSON.stringify({ ...good, training: [pair("a"), { image: "a.nii" }] }),
      "training[1].label",
    ],
    ["an empty path", JSON.stringify({ ...good, training: [{ image: "", label: "b" }] }), "training[0].image"],
    [
      "training as plain paths",
      JSON.stringify({ ...good, training: ["a.nii"] }),
      "training[0] needs an object, got 'a.nii'",
    ],
    ["a case twice", JSON.stringify({ ...good, training: [pair("a"), pair("b"), pair("a")] }), '"a" twice'],
    ["a path out", JSON.stringify({ ...good, training: [{ image: "../a.nii", label: "a.nii" }] }), "leaves the folder"],
    ["a path to a sibling", JSON.stringify({ ...good, test: ["./x/../../other/a.nii"] }), "leaves the folder"],
    ["an absolute path", JSON.stringify({ ...good, test: ["/etc/passwd"] }), "leaves the folder"],
  ])("refuses %s, naming the file", async (_, content, message) => {
    await put(content);
    const error: unknown = await readDecathlon(nodeStorage, directory).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toContain(join(directory, "dataset.json"));
    expect(String(error)).toContain(message);
    expect(String(error)).not.toContain("\n");
  });

  it("says what is wrong with a folder", async () => {
    const empty = join(directory, "empty");
    await mkdir(empty, { recursive: true });
    await expect(readDecathlon(nodeStorage, empty)).rejects.toThrow("holds no dataset.json");
    await expect(readDecathlon(nodeStorage, join(directory, "nowhere"))).rejects.toThrow(
      "nowhere cannot be opened: there is no such file or folder",
    );
    await put(JSON.stringify(good));
    await expect(readDecathlon(nodeStorage, join(directory, "dataset.json"))).rejects.toThrow("is a file");
    await mkdir(join(empty, "dataset.json"), { recursive: true });
    await expect(readDecathlon(nodeStorage, empty)).rejects.toThrow(/dataset\.json is a folder, not a regular file$/);
  });

  it("fails on no JSON document with anything but a DataError", async () => {
    const document = fc.oneof(
      fc.jsonValue(),
      fc.record({
        labels: fc.jsonValue(),
        training: fc.jsonValue(),
        test: fc.jsonValue(),
        numTraining: fc.jsonValue(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(document, async (value) => {
        await put(JSON.stringify(value));
        const outcome: unknown = await readDecathlon(nodeStorage, directory).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(DataError);
      }),
    );
  });
});
