import { constant, conv3x3, type Device, gradients, multiply, relu, sum, type Tensor } from "@lobule/tensor";
export interface SelfTest {
  readonly name: string;
  /** Relative L2 distance from float64. */
  readonly error: number;
  readonly limit: number;
  readonly passed: boolean;
}

const limit = 1e-5;
const [batch, channels, height, width] = [2, 3, 7, 9] as const;

const wave = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 * (seed + 1) + seed * 78.233) * 1.3);

function relative(got: ArrayLike<number>, reference: readonly number[]): number {
  const square = (values: readonly number[]): number => values.reduce((total, value) => total + value * value, 0);
  return Math.sqrt(square(reference.map((value, i) => value - (got[i] as number))) / square(reference));
}

/** Runs a convolution, a ReLU and a gradient on the device and compares them with plain float64 loops. */
export async function selfTest(device: Device): Promise<SelfTest[]> {
  const image = wave(batch * channels * height * width, 1);
  const kernel = wave(channels * channels * 9, 2);
  const x = constant(image, [batch, channels, height, width]);
  const weight = constant(kernel, [channels, channels, 3, 3]);
  const y = conv3x3(x, weight);
  const rectified = relu(y);
  const [gradWeight] = gradients(sum(multiply(y, y)), [weight]) as [Tensor];
  const got = await device.evaluate({ y, rectified, gradWeight });

  const expected: number[] = [];
  const expectedGradient = new Array<number>(kernel.length).fill(0);
  const taps = (visit: (out: number, at: number, tap: number) => void): void => {
    for (let n = 0; n < batch; n++)
      for (let o = 0; o < channels; o++)
        for (let p = 0; p < height * width; p++)
          for (let i = 0; i < channels * 9; i++) {
            const [row, column] = [Math.floor(p / width) + Math.floor((i % 9) / 3) - 1, (p % width) + (i % 3) - 1];
            if (row < 0 || column < 0 || row >= height || column >= width) continue;
            const at = ((n * channels + Math.floor(i / 9)) * height + row) * width + column;
            visit((n * channels + o) * height * width + p, at, o * channels * 9 + i);
          }
  };
  taps((out, at, tap) => {
    expected[out] = (expected[out] ?? 0) + (image[at] as number) * (kernel[tap] as number);
  });
  taps((out, at, tap) => {
    expectedGradient[tap] = (expectedGradient[tap] as number) + 2 * (expected[out] as number) * (image[at] as number);
  });
  const results: [string, ArrayLike<number>, readonly number[]][] = [
    ["3×3 convolution", got.y, expected],
    ["ReLU", got.rectified, expected.map((value) => Math.max(value, 0))],
    ["gradient of the weights", got.gradWeight, expectedGradient],
  ];
  return results.map(([name, values, reference]) => {
    const error = relative(values, reference);
    return { name, error, limit, passed: error <= limit };
  });
}
