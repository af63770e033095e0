import { link, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "@lobule/data";
import { describe, expect, onTestFinished, test } from "vitest";
import { requireTrainOutputs, type TrainPaths } from "./train-outputs.js";

/** A task whose images are not where they usually are, and links to it. */
async function example(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lobule-train-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ["data/scans", "data/labelsTr", "runs"]) await mkdir(join(folder, name), { recursive: true });
  const training = [{ image: "./scans/a.nii.gz", label: "./labelsTr/a.nii.gz" }];
  await writeFile(
    join(folder, "data", "dataset.json"),
    JSON.stringify({ name: "Liver", labels: { 0: "background", 1: "liver" }, training }),
  );
  await symlink("data", join(folder, "linked"));
  await writeFile(join(folder, "config.json"), "{}");
  await writeFile(join(folder, "model.ts"), "");
  await link(join(folder, "config.json"), join(folder, "hard.json"));
  return folder;
}

const check = (folder: string, paths: Partial<TrainPaths>): Promise<void> =>
  requireTrainOutputs({
    out: undefined,
    profile: undefined,
    cache: undefined,
    tuning: undefined,
    config: join(folder, "config.json"),
    data: join(folder, "data"),
    model: join(folder, "model.ts"),
    ...Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, `${folder}/${path}`])),
  });

describe("requireTrainOutputs", () => {
  test.each<[Partial<TrainPaths>, RegExp]>([
    [{ out: "data" }, /--out .*data is a data folder itself/],
    [{ out: "linked/." }, /is a data folder itself/],
    [{ out: "runs/../linked" }, /is a data folder itself/],
    [{ out: "." }, /holds the data folder/],
    [{ out: "data/labelsTr" }, /where the volumes of a data set are/],
    [{ out: "linked/imagesTr/run" }, /where the volumes of a data set are/],
    [{ out: "data/scans/new/run" }, /where the volumes of the data are/],
    [{ cache: "linked" }, /--cache .* is a data folder itself/],
    [{ cache: "data/labelsTr/cache" }, /--cache .* where the volumes of a data set are/],
    [{ profile: "hard.json" }, /hard.json is the config file .*config.json itself; name another output with --profile/],
    [{ profile: "model.ts" }, /is the model file itself/],
    [{ profile: "linked/dataset.json" }, /is the description of the data/],
    [{ profile: "data/labelsTr/trace.json" }, /--profile .* where the volumes of a data set are/],
    [{ tuning: "model.ts" }, /is the model file itself; name another output with --tuning/],
    [{ tuning: "kernels.json", profile: "linked/../kernels.json" }, /is the other output/],
  ])("refuses %j and makes nothing", async (paths, message) => {
    const folder = await example();
    const before = await readdir(folder, { recursive: true });
    await expect(check(folder, paths)).rejects.toThrow(DataError);
    await expect(check(folder, paths)).rejects.toThrow(message);
    expect(await readdir(folder, { recursive: true })).toEqual(before);
  });

  test("takes folders beside the data and in them, and new files", async () => {
    const folder = await example();
    await check(folder, { out: "runs/a", cache: "cache", profile: "trace.json", tuning: "kernels.json" });
    await check(folder, { out: "data/runs/a", cache: "." });
  });
});
