import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DataError } from "../data-error.js";
import { isSameFile, isWithin, realPathOf } from "../files/same-file.js";
import type { DecathlonTask } from "./read-decathlon.js";

const volumeFolders = ["imagesTr", "labelsTr", "imagesTs", "labelsTs"];

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  );

/**
 * Refuses a folder to write into that is a data folder itself or one that its volumes are in, however it is spelt: what
 * is written there would mix with the data or replace them.
 * @param out the folder, which need not exist.
 * @param option what names it, such as "--out".
 * @param task the data that are read; the folder must not hold them either.
 * @throws DataError
 */
export async function requireApart(
  out: string,
  option: string,
  task?: Pick<DecathlonTask, "directory" | "cases" | "testImages">,
): Promise<void> {
  const wrong = (what: string): DataError => new DataError(`${option} ${out} ${what}; name another folder`);
  for (let at = await realPathOf(out); ; at = dirname(at)) {
    if (await isFile(join(at, "dataset.json"))) {
      if (await isSameFile(at, out)) throw wrong("is a data folder itself: it has a dataset.json");
      for (const folder of volumeFolders.map((name) => join(at, name)))
        if (await isWithin(out, folder)) throw wrong(`is in ${folder}, where the volumes of a data set are`);
    }
    if (dirname(at) === at) break;
  }
  if (task === undefined) return;
  const { directory, cases, testImages } = task;
  if (await isWithin(directory, out)) throw wrong(`holds the data folder ${directory}`);
  const volumes = [...testImages, ...cases.flatMap(({ image, label }) => [image, label])];
  for (const folder of new Set(volumes.map(dirname))) {
    const whole = await isSameFile(folder, directory);
    if (whole ? await isSameFile(out, folder) : await isWithin(out, folder))
      throw wrong(`is in ${folder}, where the volumes of the data are`);
  }
}
