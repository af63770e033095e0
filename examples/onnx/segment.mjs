// Labels a scan with an exported model: node segment.mjs model.onnx scan.nii.gz labels.nii.gz
import { fromCanonical, readJson, readNifti, toCanonical, writeNifti } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [, , model = "", scan = "", output = ""] = process.argv;
const session = await InferenceSession.create(model);
const { input, channels: several } = await readJson(nodeStorage, model.replace(".onnx", ".json"), "description");
if (several !== undefined) throw new Error(`${model} takes images of several channels, this program scans of one`);
const stored = await readNifti(nodeStorage, scan);
const canonical = toCanonical(stored); // x to the patient's right, y to the front, z to the head
const [width, height, depth] = canonical.shape;
const [pixels, channels] = [width * height, input.shape[1]];
const labels = new Uint8Array(pixels * depth);
for (let z = 0; z < depth; z++) {
  const slices = new Float32Array(channels * pixels);
  for (let c = 0; c < channels; c++) {
    const from = Math.min(Math.max(z + c - (channels - 1) / 2, 0), depth - 1) * pixels;
    slices.set(canonical.data.subarray(from, from + pixels), c * pixels);
  }
  const found = await session.run({ slices: new Tensor("float32", slices, [1, channels, height, width]) });
  labels.set(found.labels.data, z * pixels);
}
await writeNifti(nodeStorage, output, fromCanonical({ ...canonical, data: labels }, stored), { header: stored.header });
