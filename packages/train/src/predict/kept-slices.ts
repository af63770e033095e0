import { type NiftiHeader, type VoxelArray, voxelVolume } from "@lobule/data";
import { countLabels } from "./count-labels.js";
import { type PlaneOrientation, toCanonicalPlane } from "./plane-orientation.js";

/** A slice with its labels, in canonical order, for a picture. */
export interface PreviewSlice {
  readonly slice: number;
  readonly width: number;
  readonly height: number;
  /** HU. */
  readonly image: Float32Array;
  readonly labels: Uint8Array;
}

/** Counts voxels and keeps a few slices as they pass. */
export class Kept {
  private readonly voxels: number[];
  private readonly previews: PreviewSlice[] = [];
  private readonly chosen: ReadonlySet<number>;

  constructor(
    private readonly header: NiftiHeader,
    classes: number,
    previews: number,
  ) {
    this.voxels = Array<number>(classes).fill(0);
    // The last axis is the body's in most files; where it is not, the canonical depth is not known yet and is not needed.
    const depth =
      header.shape[
        Math.max(
          0,
          [...header.orientation].findIndex((letter) => "SI".includes(letter)),
        )
      ] ?? 1;
    const count = Math.min(previews, depth);
    this.chosen = new Set(Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * depth) / count)));
  }

  /** `image` and `labels` are copied where they are kept. */
  take(slice: number, image: VoxelArray, labels: Uint8Array, width: number, height: number): void {
    countLabels(labels, this.voxels);
    if (!this.chosen.has(slice)) return;
    this.previews.push({ slice, width, height, image: Float32Array.from(image), labels: labels.slice() });
  }

  /** Counts anew, and shows, the labels that are written in the end. `plane` where they are in the file's order. */
  replace(labels: Uint8Array, plane?: PlaneOrientation): void {
    this.voxels.fill(0);
    countLabels(labels, this.voxels);
    this.previews.forEach((preview, i) => {
      const { slice, width, height } = preview;
      const size = width * height;
      const part = labels.slice(slice * size, (slice + 1) * size);
      const [storedWidth, storedHeight] = this.header.shape;
      const shown = plane === undefined ? part : toCanonicalPlane(part, [storedWidth, storedHeight], plane);
      this.previews[i] = { ...preview, labels: shown };
    });
  }

  result() {
    const { header, voxels, previews } = this;
    const milliliters = voxelVolume(header.affine) / 1000;
    return { header, voxels, previews, milliliters: voxels.map((count) => count * milliliters) };
  }
}
