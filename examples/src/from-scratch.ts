import { openGpu } from "@lobule/node";
import { Adam } from "@lobule/optim";
import { add, compile, constant, Device, gradients, multiply, scale, subtract, sum, Variable } from "@lobule/tensor";
/** A tensor, a gradient, a step: fits a line by gradient descent with Adam, compiled into one submission a step. */
// in a browser: navigator.gpu

/** Slope and offset of the line through (0, 1), (1, 3), (2, 5), (3, 7). */
export async function fitLine(steps = 400): Promise<{ slope: number; offset: number; loss: number }> {
  const device = await Device.open(await openGpu());
  const x = constant([0, 1, 2, 3], [4], "f32", device);
  const y = constant([1, 3, 5, 7], [4], "f32", device);
  const slope = new Variable("slope", [1], Float32Array.of(0), "parameter");
  const offset = new Variable("offset", [1], Float32Array.of(0), "parameter");
  const adam = new Adam(new Map(Object.entries({ slope, offset })), { learningRate: 0.1 });

  const program = compile({
    inputs: { hyper: { shape: [8], dtype: "f32" } },
    build: ({ hyper }) => {
      const error = subtract(add(multiply(x, slope), offset), y);
      const loss = scale(sum(multiply(error, error)), 1 / 4);
      return { metrics: { loss }, updates: [adam.update(gradients(loss, adam.parameters), hyper)] };
    },
  });
  const step = await program.load(device);
  for (let i = 0; i < steps; i++) await step.run({ hyper: adam.advance() });
  const [last] = (await step.metrics()).slice(-1);
  const result = { slope: (await slope.read())[0] ?? 0, offset: (await offset.read())[0] ?? 0, loss: last?.loss ?? 0 };
  device.destroy();
  return result;
}

if (import.meta.url === `file://${process.argv[1]}`) console.log(await fitLine());
