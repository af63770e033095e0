import { history, keepCorrections } from "../correct/correct-state.js";
import { quickEngine } from "../engine/start-engine.js";
import { download } from "../parts/download.js";
import { reportProblem } from "../parts/notices.js";
import { current, markSaved, result, scan } from "./segment-state.js";
import { currentVolumes } from "./volumes.js";

/** Does something with what is open and labeled; what goes wrong is said. */
async function withResult(
  save: (now: {
    readonly file: NonNullable<typeof current.value>;
    readonly opened: NonNullable<typeof scan.value>;
    readonly found: NonNullable<typeof result.value>;
    /** Of the files that are offered. */
    readonly name: string;
  }) => Promise<void>,
): Promise<void> {
  const [file, opened, found] = [current.value, scan.value, result.value];
  if (file === undefined || opened === undefined || found === undefined) return;
  const name = found.path.slice(found.path.lastIndexOf("/") + 1).replace(/\.nii\.gz$/, "");
  try {
    await keepCorrections();
    await save({ file, opened, found, name });
  } catch (error) {
    reportProblem(error);
  }
}

/** Offers the labels, corrected as they are now, as NIfTI. */
export const saveLabels = (): Promise<void> =>
  withResult(async ({ file, found, name }) => {
    download(await quickEngine().segmenting.bytesOf(found.path), `${name}.nii.gz`, "application/gzip");
    markSaved(file.path);
  });

/** Offers what was found as a segment.json. */
export const saveStatistics = (): Promise<void> =>
  withResult(async ({ file, found: { path, by, notes } }) => {
    const said = history.value.edited ? [...notes, "the labels were corrected by hand"] : notes;
    const about = { path, by, volumes: currentVolumes.value, notes: said };
    const text = await quickEngine().segmenting.statistics(file.path, about);
    download(new TextEncoder().encode(text), "segment.json", "application/json");
  });

/** Slices of a preview. */
const shownSlices = 12;

/** Offers a picture of some slices, with the labels as they are now. */
export const savePreview = (): Promise<void> =>
  withResult(async ({ opened, found, name }) => {
    if (!history.value.edited) {
      download(Uint8Array.from(found.preview), `${name}.png`, "image/png");
      return;
    }
    const { shape, spacing, data, millilitersPerVoxel } = opened;
    const [width, height, depth] = shape;
    const size = width * height;
    const count = Math.min(shownSlices, depth);
    const previews = Array.from({ length: count }, (_, i) => {
      const slice = Math.floor(((i + 0.5) * depth) / count);
      const image = Float32Array.from(data.subarray(slice * size, (slice + 1) * size));
      return { slice, width, height, image, labels: found.labels.slice(slice * size, (slice + 1) * size) };
    });
    const voxels = [0, ...currentVolumes.value.map((each) => each.voxels)];
    const milliliters = voxels.map((each) => each * millilitersPerVoxel);
    const { window, classes } = found;
    const png = await quickEngine().segmenting.preview(
      { previews, voxels, milliliters, shape, spacing },
      { window, classes },
    );
    download(Uint8Array.from(png), `${name}.png`, "image/png");
  });
