import { join } from "node:path";
import { encodeHeader, type Grid, uniformStream, writeFileAtomically, writeNifti } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readModel } from "../model/load-model.js";
import { evaluateRun } from "../predict/evaluate-run.js";
import { planEvaluation } from "../predict/plan-evaluation.js";
import { settingsOfModel } from "./start-weights.js";
import { TestRuns } from "./testing.js";

const [side, depth, cases] = [16, 8, 4] as const;
const grid: Grid = {
  shape: [side, side, depth],
  spacing: [1, 1, 2],
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 2, 0],
  ],
};

/** Whether each voxel lies in a spot: blocks of 4×4 pixels, a third of which are spots. */
function spots(seed: number, number: number, channel: number): Uint8Array {
  const next = uniformStream(seed, "spots", number, channel);
  const blocks = Uint8Array.from({ length: depth * 16 }, () => Number(next() < 1 / 3));
  return Uint8Array.from({ length: side * side * depth }, (_, i) => {
    const [x, y, z] = [i % side, Math.floor(i / side) % side, Math.floor(i / (side * side))];
    return blocks[z * 16 + Math.floor(y / 4) * 4 + Math.floor(x / 4)] ?? 0;
  });
}

let runs: TestRuns;
/** Data sets of the same cases: of both channels in two files and in one, and of the first channel alone. */
const folders = ["two", "four axes", "one"] as const;

beforeAll(async () => {
  runs = await TestRuns.open();
  for (const folder of folders) {
    const names = folder === "one" ? ["CT"] : ["CT", "T2"];
    const at = (...path: string[]): string => join(runs.root, folder, ...path);
    for (const each of ["imagesTr", "labelsTr"]) await nodeStorage.makeFolder(at(each));
    for (let number = 0; number < cases; number++) {
      const found = [0, 1].map((channel) => spots(5, number, channel));
      // Where both channels show a spot; the second has another scale in every case, as MR has.
      const label = found[0]?.map((value, i) => value * (found[1]?.[i] ?? 0)) ?? new Uint8Array();
      const images = found.map((each, channel) =>
        Int16Array.from(each, (value, i) => (channel === 0 ? 1 : number + 1) * (100 * value + ((7 * i) % 9))),
      );
      await writeNifti(nodeStorage, at("labelsTr", `c${number}.nii`), { ...grid, data: label });
      const [first = new Int16Array(), second = new Int16Array()] = images;
      if (folder === "four axes") await writeFourAxes(at("imagesTr", `c${number}.nii`), [first, second]);
      else {
        await writeNifti(nodeStorage, at("imagesTr", `c${number}_0000.nii`), { ...grid, data: first });
        if (folder === "two")
          await writeNifti(nodeStorage, at("imagesTr", `c${number}_0001.nii`), { ...grid, data: second });
      }
    }
    const labels = { background: 0, both: 1 };
    const nnunet = { channel_names: Object.fromEntries(names.entries()), labels, file_ending: ".nii" };
    const pair = (number: number) => ({ image: `imagesTr/c${number}.nii`, label: `labelsTr/c${number}.nii` });
    const decathlon = {
      modality: Object.fromEntries(names.entries()),
      labels: { 0: "background", 1: "both" },
      training: Array.from({ length: cases }, (_, number) => pair(number)),
    };
    const document = JSON.stringify(folder === "four axes" ? decathlon : nnunet);
    await writeFileAtomically(nodeStorage, at("dataset.json"), document);
  }
});
afterAll(() => runs.close());

/** A NIfTI file of four axes, the last one that of the channels. */
async function writeFourAxes(path: string, channels: readonly Int16Array[]): Promise<void> {
  const header = encodeHeader(grid, "int16", undefined);
  const view = new DataView(header.buffer);
  view.setInt16(40, 4, true);
  view.setInt16(48, channels.length, true);
  const voxels = Int16Array.from(channels.flatMap((each) => [...each]));
  const bytes = new Uint8Array(header.length + voxels.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(voxels.buffer), header.length);
  await writeFileAtomically(nodeStorage, path, bytes);
}

const settings = (folder: (typeof folders)[number], epochs = 20) =>
  runs.config({
    data: join(runs.root, folder),
    window: "auto",
    normalization: folder === "one" ? "foreground" : "window",
    baseFeatures: 4,
    batch: 8,
    learningRate: 2e-2,
    schedule: "constant",
    epochs,
  });
const bestDice = async (name: string): Promise<number> =>
  Math.max(...(await runs.metricsOf(name)).map(({ validation }) => validation.dice.pooled[1] ?? 0));

test("a class that shows where two channels agree is learned from both, and not from one", async () => {
  await runs.trained("both", settings("two"));
  await runs.trained("first", settings("one"));
  expect(await bestDice("both")).toBeGreaterThan(0.9);
  expect(await bestDice("first")).toBeLessThan(0.7);
  // Evaluated as whole scans it is what the validation of its best epoch says.
  const model = await readModel(nodeStorage, join(runs.root, "both"));
  expect(model.description.channels).toMatchObject([
    { name: "CT", normalization: { kind: "foreground" } },
    { name: "T2", window: [-32, 32], normalization: { kind: "image" } },
  ]);
  const plan = await planEvaluation(nodeStorage, join(runs.root, "both"), model, {});
  const { result } = await evaluateRun(nodeStorage, runs.device, plan);
  expect(result.classes[0]?.dice.pooled.value).toBeCloseTo(await bestDice("both"), 6);
});

test("two files and one file of four axes are the same data, and a resumed run the same bytes", async () => {
  await runs.trained("files", settings("two", 2));
  await runs.trained("axes", settings("four axes", 2), { afterEpochs: 1 });
  await runs.resumed("axes");
  expect(await runs.metricsOf("axes")).toEqual(await runs.metricsOf("files"));
  expect(await runs.bytesOf("axes", "last")).toEqual(await runs.bytesOf("files", "last"));
});

test("data of other channels than the model's are refused", async () => {
  const directory = join(runs.root, "files");
  const model = await readModel(nodeStorage, directory);
  await expect(planEvaluation(nodeStorage, directory, model, { data: join(runs.root, "one") })).rejects.toThrow(
    /the images of .*one have one channel, and the model .*files takes 2 channels \(CT, T2\); name data with the same/,
  );
  // With or without the model's own settings of each channel.
  for (const given of [{}, settingsOfModel(model.description)])
    await expect(runs.trained("misfit", { ...settings("one", 1), ...given, init: directory })).rejects.toThrow(
      /'init' .* is of a network for images of 2 channels, and the data have one channel; give data with as many/,
    );
});
