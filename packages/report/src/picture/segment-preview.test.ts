import { expect, test } from "vitest";
import { segmentPreview } from "./segment-preview.js";

/** Extents of the preview of two of nine slices with these labels. */
function extentsOf(labels: Uint8Array): { readonly width: number; readonly height: number } {
  const voxels = [0, 1, 2].map((label) => labels.filter((each) => each === label).length);
  const png = segmentPreview(
    {
      voxels,
      milliliters: voxels.map((count) => count / 10),
      header: { orientation: "RAS", spacing: [1, 1, 5], shape: [8, 8, 9] },
      previews: [2, 6].map((slice) => ({ slice, width: 8, height: 8, image: new Float32Array(64).fill(50), labels })),
    },
    { window: [0, 100], classes: ["background", "liver", "tumor"] },
  );
  const header = new DataView(png.buffer, png.byteOffset);
  return { width: header.getUint32(16), height: header.getUint32(20) };
}

test("a preview has its slices side by side with a legend and a note below; of nothing it says so in a line more", () => {
  const some = extentsOf(new Uint8Array(64).fill(1, 18, 22));
  expect(some.width).toBe(2 * 256 + 2);
  expect(some.height).toBeGreaterThan(256 + 3 * 18);
  const none = extentsOf(new Uint8Array(64));
  expect(none.height).toBeGreaterThan(some.height);
});
