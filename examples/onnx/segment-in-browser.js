// Labels a scan with an exported model in a page: segment(bytes of the .onnx file, its .json, a File) gives a Blob.
import {
  fromCanonical,
  MemoryStorage,
  readBytes,
  readNifti,
  toCanonical,
  writeFileAtomically,
  writeNifti,
} from "@lobule/data";
import { InferenceSession, Tensor } from "onnxruntime-web";

export async function segment(model, { input, channels: several }, file) {
  if (several !== undefined) throw new Error("the model takes images of several channels, this program scans of one");
  const session = await InferenceSession.create(model, { executionProviders: ["wasm"] });
  const storage = new MemoryStorage();
  await writeFileAtomically(storage, file.name, new Uint8Array(await file.arrayBuffer()));
  const stored = await readNifti(storage, file.name);
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
  const onGrid = fromCanonical({ ...canonical, data: labels }, stored);
  await writeNifti(storage, "labels.nii.gz", onGrid, { header: stored.header });
  return new Blob([await readBytes(storage, "labels.nii.gz", "tensors")]);
}
