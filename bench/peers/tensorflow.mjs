// The reference network in TensorFlow.js on WebGPU, as a peer of `lobule bench peers`. See protocol.mjs.
import { permuted, readTensors, sameAdapter, serve, timed } from "./protocol.mjs";

const { gpu, name: adapterName } = await sameAdapter();
// The backend expects a browser, and hands over features in a nested list.
globalThis.WorkerGlobalScope = class {};
const entry = {
  getPreferredCanvasFormat: () => "bgra8unorm",
  async requestAdapter(options) {
    const adapter = await gpu.requestAdapter(options);
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = (descriptor) =>
      requestDevice({ ...descriptor, requiredFeatures: (descriptor.requiredFeatures ?? []).flat() });
    return adapter;
  },
};
Object.defineProperty(globalThis, "navigator", { value: { gpu: entry, userAgent: "node" }, configurable: true });
const tf = await import("@tensorflow/tfjs");
await import("@tensorflow/tfjs-backend-webgpu");
await tf.setBackend("webgpu");
await tf.ready();

const variables = new Map();
let image;
let truth;
let optimizer;

const value = (name) => variables.get(name);

/** The network, NHWC. `training` normalizes by the batch; running statistics are not kept up, which costs next to nothing. */
function network(training) {
  const convolution = (x, name) => {
    const y = tf.conv2d(x, value(`${name}.weight`), 1, "same");
    const bias = value(`${name}.bias`);
    return bias === undefined ? y : tf.add(y, bias);
  };
  const normalized = (x, name) => {
    const { mean, variance } = training
      ? tf.moments(x, [0, 1, 2])
      : { mean: value(`${name}.running_mean`), variance: value(`${name}.running_var`) };
    return tf.batchNorm(x, mean, variance, value(`${name}.bias`), value(`${name}.weight`), 1e-5);
  };
  const block = (x, name) => {
    const main = tf.relu(normalized(convolution(x, `${name}.conv1`), `${name}.bn1`));
    const y = normalized(convolution(main, `${name}.conv2`), `${name}.bn2`);
    return tf.relu(tf.add(y, value(`${name}.shortcut.weight`) === undefined ? x : convolution(x, `${name}.shortcut`)));
  };
  const skips = [];
  let x = image;
  for (let level = 0; level < 4; level++) {
    x = block(x, `encoder.${level}`);
    skips.push(x);
    x = tf.maxPool(x, 2, 2, "valid");
  }
  x = block(x, "bridge");
  for (let level = 0; level < 4; level++) {
    const name = `decoder.${level}`;
    const skip = skips.pop();
    const [n, h, w, c] = skip.shape;
    const up = tf.add(
      tf.conv2dTranspose(x, value(`${name}.up.weight`), [n, h, w, c], 2, "valid"),
      value(`${name}.up.bias`),
    );
    const joined = tf.relu(tf.add(convolution(skip, `${name}.gate.wx`), convolution(up, `${name}.gate.wg`)));
    const gated = tf.mul(tf.sigmoid(convolution(joined, `${name}.gate.psi`)), skip);
    x = block(tf.concat([gated, up], 3), `${name}.block`);
  }
  return convolution(x, "head");
}

function diceCrossEntropy(logits) {
  const smooth = 1e-5;
  const logProbabilities = tf.logSoftmax(logits, -1);
  const probabilities = tf.exp(logProbabilities);
  const overlap = tf.sum(tf.mul(probabilities, truth), [1, 2]);
  const sizes = tf.add(tf.sum(probabilities, [1, 2]), tf.sum(truth, [1, 2]));
  const dice = tf.div(tf.add(tf.mul(overlap, 2), smooth), tf.add(sizes, smooth));
  const crossEntropy = tf.neg(tf.mean(tf.sum(tf.mul(truth, logProbabilities), -1)));
  return tf.add(crossEntropy, tf.sub(1, tf.mean(dice)));
}

await serve({
  start({ path, learningRate }) {
    const tensors = readTensors(path);
    for (const [name, tensor] of tensors) {
      if (name === "image") image = tf.tensor4d(...Object.values(nhwc(tensor)));
      else if (name === "target") {
        const oneHot = new Float32Array(3 * tensor.data.length);
        tensor.data.forEach((label, i) => {
          oneHot[3 * i + label] = 1;
        });
        truth = tf.tensor4d(oneHot, [...tensor.shape, 3]);
      } else {
        // [out, in, h, w] → [h, w, in, out]; a transposed one is [in, out, h, w] and becomes [h, w, out, in].
        const { shape, data } = tensor.shape.length === 4 ? permuted(tensor, [2, 3, 1, 0]) : tensor;
        variables.set(name, tf.variable(tf.tensor(data, shape), !name.includes("running_")));
      }
    }
    optimizer = tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
    return { version: tf.version.tfjs, threads: 0, description: `TensorFlow.js ${tf.version.tfjs}, ${adapterName}` };
  },
  async step({ times }) {
    const { milliseconds, result } = await timed(async () => {
      let loss;
      for (let i = 0; i < times; i++) {
        loss?.dispose();
        loss = optimizer.minimize(() => diceCrossEntropy(network(true)), true);
      }
      const [number] = await loss.data();
      loss.dispose();
      return number;
    });
    return { milliseconds, loss: result };
  },
  async forward({ times }) {
    const { milliseconds, result } = await timed(async () => {
      let logits;
      for (let i = 0; i < times; i++) {
        logits?.dispose();
        logits = tf.tidy(() => network(false));
      }
      const data = await logits.data();
      logits.dispose();
      return { data, shape: logits.shape };
    });
    return { milliseconds, logits: () => permuted(result, [0, 3, 1, 2]).data };
  },
});

function nhwc(tensor) {
  const { shape, data } = permuted(tensor, [0, 2, 3, 1]);
  return { data, shape };
}
