import {
  canonicalGrid,
  DataError,
  dirName,
  exists,
  fromCanonical,
  joinPath,
  readDecathlon,
  readJson,
  readNifti,
  readNiftiHeader,
  type Storage,
  splitCases,
  writeFileAtomically,
  writeNifti,
} from "@lobule/data";
import { z } from "zod";
import { stemOf } from "./scan-files.js";

/** Labels that were corrected, and of what. */
export interface CorrectedCase {
  /** Path of the scan. */
  readonly scan: string;
  /** A label of each voxel, in the viewer's order. */
  readonly labels: Uint8Array;
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
}

/** What dataset.json tells besides what the Decathlon has: the scans whose labels were corrected, by the case's name. */
const correctedSchema = z.looseObject({ corrected: z.record(z.string(), z.string()).default({}) });

/** Writes labels on the grid of their scan. */
export async function writeLabels(storage: Storage, path: string, { scan, labels }: CorrectedCase): Promise<void> {
  const header = await readNiftiHeader(storage, scan);
  const { shape, spacing, affine } = header;
  const grid = { shape, spacing, affine };
  await writeNifti(storage, path, fromCanonical({ ...canonicalGrid(grid), data: labels }, grid), { header });
}

/** Cases of a Decathlon folder by name, with the scans that those came from which were corrected here. */
export async function correctedCases(storage: Storage, folder: string): Promise<Readonly<Record<string, string>>> {
  return correctedSchema.parse(await readJson(storage, joinPath(folder, "dataset.json"), "description")).corrected;
}

/**
 * Adds a corrected case to a Decathlon folder, which is made where there is none; a case of the folder that is corrected,
 * or corrected once more, gets the new labels. dataset.json is written last, so that the folder is whole at any time.
 * @returns the case's name.
 * @throws DataError when the folder names other classes.
 */
export async function joinTask(storage: Storage, folder: string, corrected: CorrectedCase): Promise<string> {
  const { scan, classes } = corrected;
  const begun = await exists(storage, joinPath(folder, "dataset.json"));
  const task = begun ? await readDecathlon(storage, folder) : undefined;
  if (task !== undefined && task.labels.join("\n") !== classes.join("\n"))
    throw new DataError(
      `${folder} names the classes ${task.labels.join(", ")}, and these labels have ${classes.join(", ")}; choose another training set`,
    );
  const before = begun ? await correctedCases(storage, folder) : {};
  const cases = task?.cases ?? [];
  const own = cases.find(({ image, name }) => image === scan || before[name] === scan);
  const name = own?.name ?? freeName(stemOf(scan), new Set(cases.map((each) => each.name)));
  const added = own ?? {
    name,
    image: joinPath(folder, "imagesTr", `${name}.nii.gz`),
    label: joinPath(folder, "labelsTr", `${name}.nii.gz`),
  };
  if (own === undefined) {
    await storage.makeFolder(dirName(added.image));
    const { header, ...image } = await readNifti(storage, scan);
    await writeNifti(storage, added.image, image, { header });
  }
  await storage.makeFolder(dirName(added.label));
  await writeLabels(storage, added.label, corrected);
  const below = (path: string): string => `./${path.slice(folder.length + 1)}`;
  const all = own === undefined ? [...cases, added] : cases;
  const description = {
    name: task?.name ?? folder.slice(folder.lastIndexOf("/") + 1),
    tensorImageSize: "3D",
    modality: Object.fromEntries((task?.modality ?? ["CT"]).map((each, i) => [i, each])),
    labels: Object.fromEntries(classes.map((each, value) => [value, each])),
    numTraining: all.length,
    numTest: task?.testImages.length ?? 0,
    training: all.map(({ image, label }) => ({ image: below(image), label: below(label) })),
    test: (task?.testImages ?? []).map(below),
    corrected: { ...before, [name]: scan },
  };
  await writeFileAtomically(storage, joinPath(folder, "dataset.json"), `${JSON.stringify(description, null, 2)}\n`);
  return name;
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? name : `${name}-${n}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** How many seeds are tried for a split. */
const seedsTried = 1000;

/**
 * A seed of the split that trains on as many of the corrected cases as there is one for: at least one case is held out.
 * @throws DataError for fewer than two cases.
 */
export function seedThatTrains(names: readonly string[], corrected: ReadonlySet<string>): number {
  let best = { seed: 0, trained: -1 };
  for (let seed = 0; seed < seedsTried; seed++) {
    const trained = splitCases(names, { seed }).training.filter((name) => corrected.has(name)).length;
    if (trained > best.trained) best = { seed, trained };
    if (trained === corrected.size) break;
  }
  return best.seed;
}
