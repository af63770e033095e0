import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DataError } from "../data-error.js";
import { isSameFile, isWithin, realPathOf } from "../files/same-file.js";
import type { DecathlonTask } from "./read-decathlon.js";

const volumeFolders = ["imagesTr", "labelsTr", "imagesTs"];

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/** A data folder that holds a path or is it, from the innermost; one has a dataset.json. */
async function* dataFoldersAround(path: string): AsyncGenerator<string> {
  for (let at = await realPathOf(path); ; at = dirname(at)) {
    if (await isFile(join(at, "dataset.json"))) yield at;
    if (dirname(at) === at) return;
  }
}

const wrong = (option: string, out: string, what: string): DataError =>
  new DataError(`${option} ${out} ${what}; name another folder`);

/**
 * Refuses a folder to write into that the volumes of a data set are in, however it is spelled: what is written there would
 * be taken for volumes, or replace them.
 * @param out the folder, which need not exist.
 * @param option what names it, such as "--out".
 * @throws DataError
 */
export async function requireOutsideVolumes(out: string, option: string): Promise<void> {
  for await (const data of dataFoldersAround(out))
    for (const folder of volumeFolders.map((name) => join(data, name)))
      if (await isWithin(out, folder)) throw wrong(option, out, `is in ${folder}, where the volumes of a data set are`);
}

/**
 * Refuses a folder to write into that is a data folder itself or has volumes of a data set in it, however it is spelled.
 * @param task the data that are read; the folder must not hold them either.
 * @throws DataError as {@link requireOutsideVolumes}.
 */
export async function requireApart(
  out: string,
  option: string,
  task?: Pick<DecathlonTask, "directory" | "cases" | "testImages">,
): Promise<void> {
  for await (const data of dataFoldersAround(out))
    if (await isSameFile(data, out)) throw wrong(option, out, "is a data folder itself: it has a dataset.json");
  await requireOutsideVolumes(out, option);
  if (task === undefined) return;
  const { directory, cases, testImages } = task;
  if (await isWithin(directory, out)) throw wrong(option, out, `holds the data folder ${directory}`);
  const volumes = [...testImages, ...cases.flatMap(({ image, label }) => [image, label])];
  for (const folder of new Set(volumes.map(dirname))) {
    const whole = await isSameFile(folder, directory);
    if (whole ? await isSameFile(out, folder) : await isWithin(out, folder))
      throw wrong(option, out, `is in ${folder}, where the volumes of the data are`);
  }
}
