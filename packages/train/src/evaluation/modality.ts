import { dirName, readDecathlon, type Storage } from "@lobule/data";
import { runOfCheckpoint } from "../run/run-progress.js";
import { sameNames } from "./label-mapping.js";

/**
 * One sentence where scans lie in a Decathlon folder whose images are of another modality than those that a checkpoint's
 * run was trained on; undefined where they are of the same, or that is not written down.
 */
export async function modalityNote(
  storage: Storage,
  checkpoint: string,
  scans: readonly string[],
): Promise<string | undefined> {
  const run = await runOfCheckpoint(storage, checkpoint);
  const trained = (await run?.readWorkload().catch(() => null))?.modality ?? [];
  if (run === undefined || trained.length === 0) return undefined;
  for (const folder of new Set(scans.map((scan) => dirName(dirName(storage.absolute(scan)))))) {
    const { modality = [] } = (await readDecathlon(storage, folder).catch(() => undefined)) ?? {};
    if (modality.length > 0 && !sameNames(modality, trained)) {
      return `${run.directory} was trained on ${trained.join(", ")}, but the images of ${folder} are ${modality.join(", ")} by its dataset.json`;
    }
  }
  return undefined;
}
