import { AttentionResUNet, diceCrossEntropy } from "@lobule/nn";
import { adam, compile, Device, gradients, Variable } from "@lobule/tensor";

/** Losses of three training steps of a tiny network, and the last logits: the same text runs in a page and in Node. */
export async function trainingSteps(gpu: GPU): Promise<{ losses: number[]; logits: number[]; adapter: string }> {
  const device = await Device.open(gpu, { validate: true });
  const network = new AttentionResUNet({ classes: 3, baseFeatures: 2, depth: 2, seed: 7 });
  const parameters = network.parameters();
  const moments = (): Variable[] =>
    parameters.map(({ name, shape }) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      return new Variable(name, shape, new Float32Array(size), "moment");
    });
  const [first, second] = [moments(), moments()];
  const step = await compile(
    {
      inputs: {
        image: { shape: [2, 1, 16, 16], dtype: "f32" },
        target: { shape: [2, 16, 16], dtype: "u32" },
        hyper: { shape: [8], dtype: "f32" },
      },
      build: ({ image, target, hyper }) => {
        const logits = network.forward(image);
        const { loss } = diceCrossEntropy(logits, target);
        return {
          metrics: { loss },
          outputs: { logits },
          updates: [adam(parameters, gradients(loss, parameters), first, second, hyper)],
        };
      },
    },
    { kernels: device.kernels },
  ).load(device);
  const image = Float32Array.from({ length: 512 }, (_, i) => Math.fround(Math.sin(i * 0.37) + Math.cos(i * 0.011)));
  const target = Uint32Array.from(image, (value) => (value > 0.8 ? 2 : value > 0 ? 1 : 0));
  for (let t = 1; t <= 3; t++) {
    const hyper = Float32Array.of(1e-2, 0.1, 0.001, 1e-8, 0, 1 - 0.9 ** t, Math.sqrt(1 - 0.999 ** t), 0);
    await step.run({ image, target, hyper });
  }
  const losses = (await step.metrics()).map(({ loss }) => loss);
  const logits = [...(await step.read("logits"))];
  const { description, vendor, architecture } = device.adapterInfo;
  device.destroy();
  return { losses, logits, adapter: description || `${vendor} ${architecture}` };
}
