import {
  baseName,
  DataError,
  joinPath,
  plural,
  reason,
  type Storage,
  writeFileAtomically,
  writeNifti,
} from "@lobule/data";
import { exactName, type Picture, pictureName, readPicture } from "./read-picture.js";

/** How pictures become a task. */
export interface PicturesOptions {
  /** Names of the classes by rising value in the masks, background first; numbers by default. */
  readonly labels?: readonly string[] | undefined;
  readonly onProgress?: (done: number, all: number) => void;
}

/** What was written. */
export interface PicturesTask {
  readonly labels: readonly string[];
  /** The value of each class in the masks. */
  readonly values: readonly number[];
  readonly cases: number;
  /** What is odd and does no harm, a sentence each. */
  readonly notes: readonly string[];
}

/** Classes of a label map, which is of bytes. */
const mostClasses = 256;

/** A picture and its mask, by the name that both have. */
interface Pair {
  readonly name: string;
  readonly image: string;
  readonly mask: string;
}

/**
 * Makes a Decathlon folder of pictures and their masks: `images/NAME.png` and `masks/NAME.png`, also .tif, and .jpg for
 * images. Each pair is a case of one slice, with 1 mm a pixel. The values of all masks, rising, become the labels 0, 1, 2, …
 *
 * @throws DataError when a picture has no mask or a mask no picture, two have one name, sizes differ, masks hold one value
 * or more than 256, or other names are given than there are values.
 */
export async function picturesToTask(
  storage: Storage,
  directory: string,
  out: string,
  { labels, onProgress }: PicturesOptions = {},
): Promise<PicturesTask> {
  const pairs = await pairsOf(storage, directory);
  const values = await valuesOf(storage, pairs);
  const names = namesOf(values, labels);
  for (const folder of ["imagesTr", "labelsTr"]) await storage.makeFolder(joinPath(out, folder));
  let colors = 0;
  for (const [i, { name, image, mask }] of pairs.entries()) {
    const [picture, truth] = [await readPicture(storage, image), await readPicture(storage, mask)];
    if (picture.hadColors) colors++;
    if (picture.width !== truth.width || picture.height !== truth.height) {
      throw new DataError(
        `${image} has ${picture.width}×${picture.height} pixels and ${mask} ${truth.width}×${truth.height}; a mask has the size of its picture`,
      );
    }
    const labelMap = Uint8Array.from(truth.values, (value) => values.indexOf(value));
    await writeSlice(storage, joinPath(out, "imagesTr", `${name}.nii.gz`), picture, picture.values);
    await writeSlice(storage, joinPath(out, "labelsTr", `${name}.nii.gz`), picture, labelMap);
    onProgress?.(i + 1, pairs.length);
  }
  const dataset = {
    name: baseName(storage.absolute(directory)),
    modality: { 0: "picture" },
    labels: Object.fromEntries(names.map((name, value) => [String(value), name])),
    numTraining: pairs.length,
    training: pairs.map(({ name }) => ({ image: `./imagesTr/${name}.nii.gz`, label: `./labelsTr/${name}.nii.gz` })),
    test: [],
  };
  // Last: the folder is a task when it is complete.
  await writeFileAtomically(storage, joinPath(out, "dataset.json"), `${JSON.stringify(dataset, null, 2)}\n`);
  const notes = colors === 0 ? [] : [`${colors} of ${pairs.length} pictures have colors, which became gray`];
  return { labels: names, values, cases: pairs.length, notes };
}

async function pairsOf(storage: Storage, directory: string): Promise<Pair[]> {
  const list = async (folder: string, form: RegExp): Promise<Map<string, string>> => {
    const path = joinPath(directory, folder);
    const files = await storage.list(path).catch((error: unknown) => {
      throw new DataError(
        `the folder ${path} cannot be read: ${reason(error)}; pictures are in images/ and their masks in masks/`,
      );
    });
    const byName = new Map<string, string>();
    for (const file of files.filter((each) => pictureName.test(each) && !each.startsWith(".")).sort()) {
      if (!form.test(file))
        throw new DataError(
          `${joinPath(path, file)} is a JPEG, which does not keep the values of a mask; save it as PNG`,
        );
      const name = file.replace(pictureName, "");
      if (byName.has(name)) throw new DataError(`${path} has two pictures called ${name}; give one another name`);
      byName.set(name, joinPath(path, file));
    }
    return byName;
  };
  const [images, masks] = [await list("images", pictureName), await list("masks", exactName)];
  for (const [name, image] of images)
    if (!masks.has(name)) throw new DataError(`${image} has no mask masks/${name}.png`);
  for (const [name, mask] of masks)
    if (!images.has(name)) throw new DataError(`${mask} has no picture images/${name}.png`);
  if (images.size === 0) throw new DataError(`${joinPath(directory, "images")} holds no .png, .jpg or .tif`);
  return [...images].map(([name, image]) => ({ name, image, mask: masks.get(name) ?? "" }));
}

/** The values of all masks, rising. */
async function valuesOf(storage: Storage, pairs: readonly Pair[]): Promise<number[]> {
  const values = new Set<number>();
  for (const { mask } of pairs) {
    for (const value of (await readPicture(storage, mask)).values) values.add(value);
    if (values.size > mostClasses) {
      throw new DataError(
        `the masks up to ${mask} hold more than ${mostClasses} values, and each value is a class; are they masks?`,
      );
    }
  }
  if (values.size < 2) throw new DataError(`the masks hold one value alone, and a background and a class are needed`);
  return [...values].sort((a, b) => a - b);
}

function namesOf(values: readonly number[], labels: readonly string[] | undefined): readonly string[] {
  if (labels === undefined) return values.map((value, i) => (i === 0 ? "background" : `class ${value}`));
  if (labels.length === values.length) return labels;
  throw new DataError(
    `${plural(labels.length, "label is", "labels are")} named, and the masks hold ${plural(values.length, "value")} (${values.slice(0, 10).join(", ")}); name one for each, background first`,
  );
}

/** The top left is right and to the front, as radiologists look at slices. */
const writeSlice = (
  storage: Storage,
  path: string,
  { width, height }: Picture,
  data: Picture["values"],
): Promise<void> =>
  writeNifti(storage, path, {
    shape: [width, height, 1],
    spacing: [1, 1, 1],
    affine: [
      [-1, 0, 0, 0],
      [0, -1, 0, 0],
      [0, 0, 1, 0],
    ],
    data,
  });
