import { link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { isSameFile, isWithin } from "@lobule/data";
import { describe, expect, onTestFinished, test } from "vitest";
import { nodeStorage } from "./node-storage.js";

/** A folder with `data/scan.nii`, and links to both. */
async function example(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lobule-same-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "data", "deep"), { recursive: true });
  await writeFile(join(folder, "data", "scan.nii"), "x");
  await writeFile(join(folder, "data", "other.nii"), "x");
  await symlink("data", join(folder, "linked"));
  await symlink("data/scan.nii", join(folder, "scan-link.nii"));
  await symlink("data/deep", join(folder, "deep"));
  await link(join(folder, "data", "scan.nii"), join(folder, "hard.nii"));
  return folder;
}

describe("isSameFile", () => {
  test.each([
    "data/scan.nii",
    "./data/scan.nii",
    "data//scan.nii",
    "data/deep/../scan.nii",
    "linked/scan.nii",
    "linked/deep/../scan.nii",
    // After a link `..` leads to the folder that holds what it names.
    "deep/../scan.nii",
    "scan-link.nii",
    "hard.nii",
  ])("%s is data/scan.nii", async (spelling) => {
    const folder = await example();
    const scan = join(folder, "data", "scan.nii");
    // Not joined, which would take `..` out of the text.
    expect(await isSameFile(nodeStorage, `${folder}/${spelling}`, scan)).toBe(true);
    expect(await isSameFile(nodeStorage, scan, `${folder}/${spelling}`)).toBe(true);
    expect(await isSameFile(nodeStorage, `${relative(process.cwd(), folder)}/${spelling}`, scan)).toBe(true);
  });

  test.each(["data/other.nii", "data", "data/new.nii", "data/scan.nii.gz", "data/Scan.nii", "scan.nii"])(
    "%s is not, on a file system that tells upper from lower case",
    async (spelling) => {
      const folder = await example();
      expect(await isSameFile(nodeStorage, join(folder, spelling), join(folder, "data", "scan.nii"))).toBe(false);
    },
  );

  test("files that are not there are known by their folder and name", async () => {
    const folder = await example();
    expect(await isSameFile(nodeStorage, join(folder, "linked", "new"), join(folder, "data", "new"))).toBe(true);
    expect(await isSameFile(nodeStorage, join(folder, "linked", "a", "b"), join(folder, "data", "a", "b"))).toBe(true);
    expect(await isSameFile(nodeStorage, join(folder, "linked", "new"), join(folder, "data", "newer"))).toBe(false);
  });
});

describe("isWithin", () => {
  test.each([
    ["data", true],
    ["linked", true],
    ["data/deep", true],
    ["deep", true],
    ["deep/new/folder", true],
    ["linked/new", true],
    ["scan-link.nii", true],
    ["deep/../new", true],
    [".", false],
    ["data2", false],
    ["linked/../new", false],
  ])("%s within data: %s", async (path, expected) => {
    const folder = await example();
    expect(await isWithin(nodeStorage, `${folder}/${path}`, join(folder, "data"))).toBe(expected);
    expect(await isWithin(nodeStorage, `${folder}/${path}`, join(folder, "linked"))).toBe(expected);
  });

  test("everything is within the root", async () => {
    expect(await isWithin(nodeStorage, "/nonexistent/x", "/")).toBe(true);
    expect(await isWithin(nodeStorage, "/", "/nonexistent/x")).toBe(false);
  });
});
