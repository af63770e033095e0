// The reference network's forward pass in onnxruntime on the CPU, as a peer of `lobule bench peers`. See protocol.mjs.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { onnxModel } from "./onnx-model.mjs";
import { packageVersion, readTensors, serve, timed } from "./protocol.mjs";

const version = packageVersion("onnxruntime-node");
let session;
let image;

await serve({
  async start({ path, threads }) {
    const tensors = readTensors(path);
    const { shape, data } = tensors.get("image");
    tensors.delete("image");
    tensors.delete("target");
    image = new Tensor("float32", data, shape);
    session = await InferenceSession.create(onnxModel(tensors, shape), {
      executionProviders: ["cpu"],
      ...(threads ? { intraOpNumThreads: threads } : {}),
    });
    return { version, threads, trains: false, description: `onnxruntime ${version}, CPU, ${threads} threads` };
  },
  async forward({ times }) {
    const { milliseconds, result } = await timed(async () => {
      let outputs;
      for (let i = 0; i < times; i++) outputs = await session.run({ image });
      return outputs;
    });
    return { milliseconds, logits: () => result.logits.data };
  },
});
