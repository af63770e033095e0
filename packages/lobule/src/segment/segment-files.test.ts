import { link, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "@lobule/data";
import { describe, expect, onTestFinished, test } from "vitest";
import { requireNone, segmentFiles, writtenPaths } from "./segment-files.js";

/** A folder `scans` with two scans, another with one of the same name, one of a DICOM series, an empty one, and links. */
async function example(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lobule-segment-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ["scans", "other", "labels", "series", "empty"]) await mkdir(join(folder, name));
  for (const name of ["scans/a.nii.gz", "scans/b.nii", "scans/notes.txt", "other/a.nii.gz", "series/1", "series/2.zip"])
    await writeFile(join(folder, name), "x");
  await symlink("scans", join(folder, "linked"));
  await symlink("../scans/a.nii.gz", join(folder, "labels", "a.nii.gz"));
  await link(join(folder, "scans", "a.nii.gz"), join(folder, "hard.nii.gz"));
  return folder;
}

const plan = async (
  folder: string,
  scans: readonly string[],
  out: string,
  { preview = false, force = true } = {},
): Promise<string[][]> => {
  const files = await segmentFiles(
    scans.map((each) => `${folder}/${each}`),
    `${folder}/${out}`,
    { preview },
  );
  if (!force) for (const each of files) await requireNone(writtenPaths(each));
  const short = (path: string | undefined): string => path?.replaceAll(`${folder}/`, "") ?? "";
  return files.map((each) => [short(each.scan), short(each.output), short(each.preview)]);
};

describe("segmentFiles", () => {
  test("names the labels and the picture of each scan", async () => {
    const folder = await example();
    expect(await plan(folder, ["scans"], "new", { preview: true })).toEqual([
      ["scans/a.nii.gz", "new/a.nii.gz", "new/a.png"],
      ["scans/b.nii", "new/b.nii.gz", "new/b.png"],
    ]);
    expect(await plan(folder, ["scans/b.nii"], "x.NII", { preview: true })).toEqual([
      ["scans/b.nii", "x.NII", "x.png"],
    ]);
  });

  test("a folder without scans in one file is a DICOM series, whose labels may be a DICOM SEG", async () => {
    const folder = await example();
    await writeFile(join(folder, "other", "c.mha"), "x");
    expect(await plan(folder, ["series/.", "other"], "new")).toEqual([
      ["series/.", "new/series.nii.gz", ""],
      ["other/a.nii.gz", "new/a.nii.gz", ""],
      ["other/c.mha", "new/c.nii.gz", ""],
    ]);
    expect(await plan(folder, ["series"], "x.dcm", { preview: true })).toEqual([["series", "x.dcm", "x.png"]]);
    await expect(plan(folder, ["other/c.mha"], "x.dcm")).rejects.toThrow(
      /x\.dcm is a DICOM SEG, which refers to the slices of a DICOM series, and .*c\.mha is none; name a \.nii\.gz file$/,
    );
    await expect(plan(folder, ["empty"], "new")).rejects.toThrow("empty is empty; give scans or a folder of them");
  });

  test.each([
    // A folder that holds labels would be taken for one of scans.
    [["series"], "series"],
    [["series"], "series/labels.nii.gz"],
    [["series"], "empty/../series/labels.dcm"],
    [["scans/a.nii.gz"], "scans/a.nii.gz"],
    [["scans/a.nii.gz"], "./scans/../scans/a.nii.gz"],
    [["scans/a.nii.gz"], "linked/a.nii.gz"],
    [["linked/a.nii.gz"], "scans/a.nii.gz"],
    [["scans/a.nii.gz"], "hard.nii.gz"],
    // One scan's output is another scan.
    [["scans", "other/../other"], "other/a.nii.gz"],
    [["scans/b.nii", "scans/a.nii.gz"], "labels"],
    [["scans/a.nii.gz", "other/a.nii.gz"], "new"],
    // The labels would be taken for scans at the next call.
    [["scans"], "scans"],
    [["linked"], "scans/."],
    [["scans/b.nii"], "linked"],
    [["nowhere"], "new"],
    [["labels/../new"], "new"],
  ])("refuses %j -o %s, also with --force, and makes nothing", async (scans, out) => {
    const folder = await example();
    const before = await readdir(folder, { recursive: true });
    await expect(plan(folder, scans, out)).rejects.toThrow(DataError);
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });

  test("a file in the place of a folder is refused in a sentence, and a folder in that of a file", async () => {
    const folder = await example();
    await mkdir(join(folder, "new.nii.gz"));
    await expect(plan(folder, ["scans/a.nii.gz"], "scans/notes.txt")).rejects.toThrow(
      `-o ${folder}/scans/notes.txt is a file whose name does not end in .nii, .nii.gz or .dcm; name one that does, or a folder`,
    );
    await expect(plan(folder, ["scans/a.nii.gz"], "new.nii.gz")).rejects.toThrow(
      `-o ${folder}/new.nii.gz is a folder with the name of a file; name another`,
    );
    await expect(plan(folder, ["scans/a.nii.gz/b.nii"], "new")).rejects.toThrow(
      "scans/a.nii.gz/b.nii: a part of the path is a file, not a folder; give scans or a folder of them",
    );
  });

  test("a picture never replaces a scan, and what is there only by force", async () => {
    const folder = await example();
    await link(join(folder, "scans", "b.nii"), join(folder, "b.png"));
    await expect(plan(folder, ["scans/b.nii"], "b.nii", { preview: true })).rejects.toThrow(
      `b.png is the scan ${folder}/scans/b.nii itself; name another output with -o`,
    );
    await writeFile(join(folder, "c.png"), "mine");
    await expect(plan(folder, ["scans/b.nii"], "c.nii", { preview: true, force: false })).rejects.toThrow(
      "c.png is there already; remove it or add --force",
    );
    expect(await plan(folder, ["scans/b.nii"], "c.nii", { force: false })).toHaveLength(1);
  });

  test("nothing is written among the volumes of a data set", async () => {
    const folder = await example();
    await mkdir(join(folder, "task", "labelsTr"), { recursive: true });
    await writeFile(join(folder, "task", "dataset.json"), "{}");
    for (const out of ["task/labelsTr", "task/labelsTr/a.nii.gz", "task/imagesTr/new", "linked/../task/labelsTr/deep"])
      await expect(plan(folder, ["scans/a.nii.gz"], out)).rejects.toThrow("where the volumes of a data set are");
    expect(await plan(folder, ["scans/a.nii.gz"], "task/predictions")).toHaveLength(1);
    for (const entropy of ["task/labelsTr", "task/labelsTr/map.nii.gz"]) {
      const maps = { entropy: join(folder, entropy) };
      await expect(segmentFiles([join(folder, "scans/a.nii.gz")], join(folder, "new"), { maps })).rejects.toThrow(
        /^--uncertainty .*labelsTr is in .*labelsTr, where the volumes of a data set are/,
      );
    }
  });
});
