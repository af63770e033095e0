import { MemoryStorage, readDecathlon, readNifti, splitCases, toCanonical, writePhantom } from "@lobule/data";
import { beforeEach, expect, test } from "vitest";
import { correctedCases, joinTask, seedThatTrains } from "./corrected-cases.js";

const classes = ["background", "liver", "cancer"];
let storage: MemoryStorage;
beforeEach(async () => {
  storage = new MemoryStorage();
  // The second case's axes run to the left and to the back.
  await writePhantom(storage, "/data/p", { cases: 2, testCases: 1, size: 8, slices: [2, 2], seed: 1 });
});

const labels = Uint8Array.from({ length: 128 }, (_, i) => i % 3);

test("a corrected scan begins a training set, on the scan's own grid", async () => {
  const scan = "/data/p/imagesTr/phantom_002.nii.gz";
  expect(await joinTask(storage, "/data/mine", { scan, labels, classes })).toBe("phantom_002");
  const task = await readDecathlon(storage, "/data/mine");
  expect([task.labels, task.cases.map(({ name }) => name), task.notes]).toEqual([classes, ["phantom_002"], []]);
  const [{ image = "", label = "" } = {}] = task.cases;
  const [kept, original, written] = await Promise.all([image, scan, label].map((path) => readNifti(storage, path)));
  expect(kept?.data).toEqual(original?.data);
  expect(written?.affine).toEqual(original?.affine);
  expect(original?.header.orientation).toBe("LPS");
  expect(written && toCanonical(written).data).toEqual(labels);
});

test("a case that is corrected again, or of the folder itself, gets the new labels and comes once", async () => {
  const scan = "/data/p/imagesTs/phantom_003.nii.gz";
  await joinTask(storage, "/data/p", { scan, labels: new Uint8Array(128), classes });
  await joinTask(storage, "/data/p", { scan, labels, classes });
  await joinTask(storage, "/data/p", { scan: "/data/p/imagesTr/phantom_001.nii.gz", labels, classes });
  const { cases, testImages } = await readDecathlon(storage, "/data/p");
  expect(cases.map(({ name }) => name)).toEqual(["phantom_001", "phantom_002", "phantom_003"]);
  expect(testImages).toHaveLength(1);
  for (const { name, label } of cases.filter(({ name }) => name !== "phantom_002"))
    expect(toCanonical(await readNifti(storage, label)).data, name).toEqual(labels);
  expect(Object.keys(await correctedCases(storage, "/data/p"))).toEqual(["phantom_003", "phantom_001"]);
});

test("another scan of the same name is another case", async () => {
  await writePhantom(storage, "/data/q", { cases: 1, testCases: 0, size: 8, slices: [2, 2], seed: 2 });
  const scan = "/data/q/imagesTr/phantom_001.nii.gz";
  expect(await joinTask(storage, "/data/p", { scan, labels, classes })).toBe("phantom_001-2");
});

test("a training set of other classes is refused", async () => {
  const scan = "/data/p/imagesTr/phantom_001.nii.gz";
  await expect(joinTask(storage, "/data/p", { scan, labels, classes: ["background", "liver"] })).rejects.toThrow(
    "/data/p names the classes background, liver, cancer, and these labels have background, liver; choose another training set",
  );
});

test("corrected cases are trained on, as far as one is left to be held out", () => {
  const names = ["a", "b", "c", "d", "e"];
  const held = (corrected: readonly string[]) =>
    splitCases(names, { seed: seedThatTrains(names, new Set(corrected)) }).validation;
  for (const name of names) expect(held([name])).not.toContain(name);
  expect(["e"]).toContain(held(["a", "b", "c", "d"])[0]);
  expect(held(names)).toHaveLength(1);
  expect(() => seedThatTrains(["a"], new Set())).toThrow("at least 2 cases");
});
