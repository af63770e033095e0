import { readNifti, toCanonical } from "@lobule/data";
import { nodeStorage, openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { loadModels, normalizeImage } from "@lobule/train";
/** Labels a scan slice by slice with a trained model: node examples/dist/segment-slices.js SCAN RUN_FOLDER */

/** Pixels of each class in each slice. */
export async function segmentSlices(scan: string, model: string): Promise<number[][]> {
  const device = await Device.open(await openGpu());
  const { organ } = await loadModels(nodeStorage, device, { organ: model });
  const { shape, data } = toCanonical(await readNifti(nodeStorage, scan));
  const [width, height, depth] = shape;
  const counts: number[][] = [];
  for (let slice = 0; slice < depth; slice++) {
    const hounsfield = data.subarray(slice * width * height, (slice + 1) * width * height);
    const labels = await organ.predict(normalizeImage(hounsfield, organ.window), width, height);
    counts.push(organ.classes.map((_, c) => labels.reduce((count, label) => count + Number(label === c), 0)));
  }
  await organ.close();
  device.destroy();
  return counts;
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const [, , scan, model] = process.argv;
  if (scan === undefined || model === undefined) {
    console.error("usage: node examples/dist/segment-slices.js SCAN RUN_FOLDER");
    process.exitCode = 1;
  } else console.log(await segmentSlices(scan, model));
}
