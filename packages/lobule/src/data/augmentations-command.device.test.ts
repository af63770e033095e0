import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNifti, writeNifti, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { main } from "../index.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cli-augmentations-"));
  await writePhantom(nodeStorage, join(root, "task"), {
    seed: 0,
    cases: 2,
    testCases: 0,
    size: 16,
    slices: [4, 6],
  });
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** What a command line says on either stream. */
async function said(...words: string[]): Promise<string> {
  const lines: string[] = [];
  for (const stream of ["log", "error"] as const)
    vi.spyOn(console, stream).mockImplementation((text: string) => void lines.push(text));
  const before = process.exitCode;
  await main(words);
  process.exitCode = before;
  return lines.join("\n");
}
const shown = (...words: string[]): Promise<string> =>
  said("data", "augmentations", join(root, "task"), "-o", join(root, "page.html"), "--size", "16", ...words);

test("a page has what the settings of a file ask for, and the same bytes twice", async () => {
  const file = join(root, "settings.yaml");
  await writeFile(file, "augmentation: { kind: nnunet, leftRight: 0, gammaProbability: 0.55 }\n");
  const output = await shown("--config", file, "--case", "phantom_002");
  expect(output).toMatch(/page\.html: the augmentation nnunet on slice \d of phantom_002$/);
  const page = await readFile(join(root, "page.html"), "utf8");
  expect(page).toContain("Done to 55 % of the slices.");
  expect(page).not.toContain("Left-right");
  expect(page).toContain("Front-back");
  expect(await shown("--config", file)).toMatch(/page\.html is there already; remove it or add --force$/);
  await shown("--config", file, "--case", "phantom_002", "--force");
  expect(await readFile(join(root, "page.html"), "utf8")).toBe(page);
});

test("of a data set of two channels both are shown, each with a window of its own", async () => {
  const two = join(root, "two");
  await writePhantom(nodeStorage, two, { seed: 0, cases: 1, testCases: 0, size: 16, slices: [4, 4], channels: 2 });
  const page = join(root, "two.html");
  const of = (...words: string[]): Promise<string> => said("data", "augmentations", two, "-o", page, ...words);
  expect(await of("--size", "16", "--window", "-160", "240", "--window", "-90", "90")).toMatch(
    /on slice \d of phantom_001$/,
  );
  const text = await readFile(page, "utf8");
  expect(text).toContain("16 × 16 pixels, CT with -160 black and 240 white, spots with -90 black and 90 white.");
  expect(text).toContain("<figcaption>CT</figcaption>");
  expect(text).toContain("<figcaption>spots</figcaption>");
  const three = ["--window", "0", "1", "--window", "0", "1", "--window", "0", "1"];
  expect(await of("--force", ...three)).toMatch(
    /--window is given for 3 channels, and the images of .*two have 2 channels \(CT, spots\); give it once for all, or for each$/,
  );
});

test("a slice of one value shows nothing, and is refused where no window is given", async () => {
  const flat = join(root, "flat");
  await writePhantom(nodeStorage, flat, { seed: 0, cases: 1, testCases: 0, size: 16, slices: [2, 2] });
  const image = join(flat, "imagesTr", "phantom_001.nii.gz");
  const volume = await readNifti(nodeStorage, image);
  volume.data.fill(7);
  await writeNifti(nodeStorage, image, volume);
  expect(await said("data", "augmentations", flat, "-o", join(root, "flat.html"))).toMatch(
    /slice \d of phantom_001 holds the value 7 alone, on which .* name another by --case and --slice, or give --window/,
  );
});

test.each([
  [["--case", "other"], /has no case other; its cases are phantom_001, phantom_002$/],
  [["--slice", "99"], /--slice must be a whole number from 1 to \d for phantom_001, got 99$/],
  [["--window", "9", "3"], /--window needs two rising numbers, got 9 3$/],
])("%j is refused", async (words, message) => {
  expect(await shown(...words, "--force")).toMatch(message);
});
