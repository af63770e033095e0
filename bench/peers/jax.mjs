// The reference network in jax-js on WebGPU, as a peer of `lobule bench peers`. See protocol.mjs.
import { packageVersion, readTensors, sameAdapter, serve, timed } from "./protocol.mjs";

const { gpu, name: adapterName } = await sameAdapter();
Object.defineProperty(globalThis, "navigator", { value: { gpu, userAgent: "node" }, configurable: true });
const { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy: np, valueAndGrad } = await import("@jax-js/jax");
await init("webgpu");
defaultDevice("webgpu");
const version = packageVersion("@jax-js/jax");

/** An array is used up by the operation that it is given to; `.ref` keeps it for another one. */
const channels = (vector) => vector.ref.reshape([1, vector.shape[0], 1, 1]);

function network(p, image, statistics) {
  const convolution = (x, name) => {
    const weight = p[`${name}.weight`];
    const edge = (weight.shape[2] - 1) / 2;
    const y = lax.conv(
      x,
      weight.ref,
      [1, 1],
      [
        [edge, edge],
        [edge, edge],
      ],
    );
    const bias = p[`${name}.bias`];
    return bias === undefined ? y : y.add(channels(bias));
  };
  const normalized = (x, name) => {
    const axes = { keepdims: true };
    const mean = statistics ? channels(statistics[`${name}.running_mean`]) : np.mean(x.ref, [0, 2, 3], axes);
    const centered = x.sub(mean);
    const variance = statistics
      ? channels(statistics[`${name}.running_var`])
      : np.mean(np.square(centered.ref), [0, 2, 3], axes);
    const deviation = np.sqrt(variance.add(1e-5));
    return centered
      .div(deviation)
      .mul(channels(p[`${name}.weight`]))
      .add(channels(p[`${name}.bias`]));
  };
  const block = (x, name) => {
    const main = nn.relu(normalized(convolution(x.ref, `${name}.conv1`), `${name}.bn1`));
    const y = normalized(convolution(main, `${name}.conv2`), `${name}.bn2`);
    return nn.relu(y.add(p[`${name}.shortcut.weight`] === undefined ? x : convolution(x, `${name}.shortcut`)));
  };
  const pooled = (x) => {
    const [n, c, h, w] = x.shape;
    return np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
  };
  /** A transposed 2×2 convolution with stride 2: a 1×1 convolution to four times the channels, which become sub-pixels. */
  const doubled = (x, name) => {
    const weight = p[`${name}.weight`];
    const [cin, cout] = weight.shape;
    const [n, , h, w] = x.shape;
    const taps = weight.ref
      .reshape([cin, cout * 4])
      .transpose([1, 0])
      .reshape([cout * 4, cin, 1, 1]);
    const y = lax.conv(
      x,
      taps,
      [1, 1],
      [
        [0, 0],
        [0, 0],
      ],
    );
    const pixels = y
      .reshape([n, cout, 2, 2, h, w])
      .transpose([0, 1, 4, 2, 5, 3])
      .reshape([n, cout, 2 * h, 2 * w]);
    return pixels.add(channels(p[`${name}.bias`]));
  };
  const skips = [];
  let x = image;
  for (let level = 0; level < 4; level++) {
    x = block(x, `encoder.${level}`);
    skips.push(x.ref);
    x = pooled(x);
  }
  x = block(x, "bridge");
  for (let level = 0; level < 4; level++) {
    const name = `decoder.${level}`;
    const skip = skips.pop();
    const up = doubled(x, `${name}.up`);
    const joined = nn.relu(convolution(skip.ref, `${name}.gate.wx`).add(convolution(up.ref, `${name}.gate.wg`)));
    const gated = nn.sigmoid(convolution(joined, `${name}.gate.psi`)).mul(skip);
    x = block(np.concatenate([gated, up], 1), `${name}.block`);
  }
  return convolution(x, "head");
}

function diceCrossEntropy(p, image, truth) {
  const smooth = 1e-5;
  const logProbabilities = nn.logSoftmax(network(p, image), 1);
  const probabilities = np.exp(logProbabilities.ref);
  const overlap = np.sum(probabilities.ref.mul(truth.ref), [2, 3]);
  const sizes = np.sum(probabilities, [2, 3]).add(np.sum(truth.ref, [2, 3]));
  const dice = np.mean(overlap.mul(2).add(smooth).div(sizes.add(smooth)));
  const crossEntropy = np.mean(np.sum(truth.mul(logProbabilities), 1)).mul(-1);
  return crossEntropy.add(1).sub(dice);
}

let parameters;
let moments;
let statistics;
let image;
let truth;
let steps = 0;
let train;
let predict;

await serve({
  start({ path, learningRate }) {
    [parameters, moments, statistics] = [{}, {}, {}];
    for (const [name, { shape, data }] of readTensors(path)) {
      if (name === "image") image = np.array(data, { shape });
      else if (name === "target") {
        const [n, h, w] = shape;
        const oneHot = new Float32Array(3 * data.length);
        data.forEach((label, i) => {
          oneHot[(Math.floor(i / (h * w)) * 3 + label) * h * w + (i % (h * w))] = 1;
        });
        truth = np.array(oneHot, { shape: [n, 3, h, w] });
      } else if (name.includes("running_")) statistics[name] = np.array(data, { shape });
      else {
        parameters[name] = np.array(data, { shape });
        moments[name] = [np.zeros(shape), np.zeros(shape)];
      }
    }
    // Adam as PyTorch writes it; `corrections` are 1 − βᵗ, which change from step to step.
    train = jit((p, m, x, t, corrections) => {
      const [loss, grads] = valueAndGrad(diceCrossEntropy)(treeRef(p), x, t);
      const [next, moved] = [{}, {}];
      const [first, second] = [corrections.ref.slice(0), corrections.slice(1)];
      for (const name of Object.keys(p)) {
        const g = grads[name];
        const m1 = m[name][0].mul(0.9).add(g.ref.mul(0.1));
        const m2 = m[name][1].mul(0.999).add(np.square(g).mul(0.001));
        const denominator = np.sqrt(m2.ref.div(second.ref)).add(1e-8);
        next[name] = p[name].sub(m1.ref.div(first.ref).div(denominator).mul(learningRate));
        moved[name] = [m1, m2];
      }
      first.dispose();
      second.dispose();
      return [loss, next, moved];
    });
    predict = jit((p, s, x) => {
      const logits = network(p, x, s);
      for (const each of [...Object.values(p), ...Object.values(s)]) each.dispose();
      return logits;
    });
    return { version, threads: 0, description: `jax-js ${version}, ${adapterName}` };
  },
  async step({ times }) {
    const { milliseconds, result } = await timed(async () => {
      let loss;
      for (let i = 0; i < times; i++) {
        steps++;
        loss?.dispose();
        const corrections = np.array([1 - 0.9 ** steps, 1 - 0.999 ** steps]);
        [loss, parameters, moments] = train(parameters, moments, image.ref, truth.ref, corrections);
      }
      await blockUntilReady(Object.values(parameters).map((each) => each.ref));
      const [number] = await loss.data();
      return number;
    });
    return { milliseconds, loss: result };
  },
  async forward({ times }) {
    const { milliseconds, result } = await timed(async () => {
      let logits;
      for (let i = 0; i < times; i++) {
        logits?.dispose();
        logits = predict(treeRef(parameters), treeRef(statistics), image.ref);
      }
      return logits.data();
    });
    return { milliseconds, logits: () => result };
  },
});

function treeRef(arrays) {
  return Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.ref]));
}
