import { imagePaths } from "../cache/read-channels.js";
import { DataError } from "../data-error.js";
import { entryAt } from "../files/entries.js";
import { isSameFile, isWithin } from "../files/same-file.js";
import { dirName, joinPath } from "../storage/paths.js";
import type { Storage } from "../storage/storage.js";
import type { DecathlonTask } from "./read-decathlon.js";

const volumeFolders = ["imagesTr", "labelsTr", "imagesTs"];

/** A data folder that holds a path or is it, from the innermost; one has a dataset.json. */
async function* dataFoldersAround(storage: Storage, path: string): AsyncGenerator<string> {
  for (let { path: at } = await storage.identity(path); ; at = dirName(at)) {
    if ((await entryAt(storage, joinPath(at, "dataset.json")))?.kind === "file") yield at;
    if (dirName(at) === at) return;
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
export async function requireOutsideVolumes(storage: Storage, out: string, option: string): Promise<void> {
  for await (const data of dataFoldersAround(storage, out))
    for (const folder of volumeFolders.map((name) => joinPath(data, name)))
      if (await isWithin(storage, out, folder))
        throw wrong(option, out, `is in ${folder}, where the volumes of a data set are`);
}

/**
 * Refuses a folder to write into that is a data folder itself or has volumes of a data set in it, however it is spelled.
 * @param task the data that are read; the folder must not hold them either.
 * @throws DataError as {@link requireOutsideVolumes}.
 */
export async function requireApart(
  storage: Storage,
  out: string,
  option: string,
  task?: Pick<DecathlonTask, "directory" | "cases" | "testImages">,
): Promise<void> {
  for await (const data of dataFoldersAround(storage, out))
    if (await isSameFile(storage, data, out))
      throw wrong(option, out, "is a data folder itself: it has a dataset.json");
  await requireOutsideVolumes(storage, out, option);
  if (task === undefined) return;
  const { directory, cases, testImages } = task;
  if (await isWithin(storage, directory, out)) throw wrong(option, out, `holds the data folder ${directory}`);
  const volumes = [...testImages, ...cases.flatMap((each) => [...imagePaths(each), each.label])];
  for (const folder of new Set(volumes.map(dirName))) {
    const whole = await isSameFile(storage, folder, directory);
    if (whole ? await isSameFile(storage, out, folder) : await isWithin(storage, out, folder))
      throw wrong(option, out, `is in ${folder}, where the volumes of the data are`);
  }
}
