import { link, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { requireNoInput } from "./outputs.js";

describe("requireNoInput", () => {
  const example = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), "lobule-outputs-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await mkdir(join(folder, "sub"));
    await writeFile(join(folder, "scan.nii"), "x");
    await symlink(".", join(folder, "here"));
    await symlink("scan.nii", join(folder, "soft.nii"));
    await link(join(folder, "scan.nii"), join(folder, "hard.nii"));
    return folder;
  };
  const check = (folder: string, ...outputs: string[]): Promise<void> =>
    requireNoInput(
      outputs.map((path) => ({ option: "-o", path: `${folder}/${path}` })),
      [{ what: "scan", path: join(folder, "scan.nii") }],
    );

  test("names the output, the input and the option", async () => {
    const folder = await example();
    await expect(check(folder, "scan.nii")).rejects.toThrow(
      `${folder}/scan.nii is the scan itself; name another output with -o`,
    );
    await expect(check(folder, "sub/../scan.nii")).rejects.toThrow(
      `${folder}/sub/../scan.nii is the scan ${folder}/scan.nii itself; name another output with -o`,
    );
  });

  test.each(["./scan.nii", "here/scan.nii", "here/here/scan.nii", "soft.nii", "hard.nii", "here/sub/../hard.nii"])(
    "refuses %s",
    async (path) => {
      await expect(check(await example(), "labels.nii", path)).rejects.toThrow("itself; name another output");
    },
  );

  test("refuses one output twice, and takes new files, also where no folder is yet", async () => {
    const folder = await example();
    await expect(check(folder, "a/new.nii", "here/a/new.nii")).rejects.toThrow("is the other output");
    await check(folder, "labels.nii", "sub/scan.nii", "new/scan.nii", "scan.nii.gz", "Scan2.nii");
  });
});
