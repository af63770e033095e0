import { fromHalf, imageSize, packWeight, toHalf, withStorageTypes } from "@lobule/kernels-wgsl";
import type { Device } from "../device/device.js";
import { PreparedKernel } from "../device/prepared-kernel.js";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";
import { convolutionKernel, packedLayout } from "../ops/convolution-kernels.js";

/** One variant of a call, on the buffers that all of them share. */
export interface Trial {
  readonly kernel: PreparedKernel;
  /** What it computed; partial sums summed. */
  result(): Promise<Float64Array>;
  destroy(): void;
}

/**
 * Numbers between −1 and 1, as good as random: sums of a smooth wave nearly cancel, and what rounding does to the rest says
 * nothing of a kernel.
 */
const noise = (length: number, seed: number): Float32Array<ArrayBuffer> =>
  Float32Array.from({ length }, (_, i) => {
    const x = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });

/** Bytes that a binding of a fixed length covers at least, whatever is used of it. */
const uniformBytes = 65_536;

/** The arrays that the variants of a call read. */
export class TrialBuffers {
  private constructor(
    private readonly device: Device,
    private readonly call: ConvolutionCall,
    private readonly precision: "f32" | "f16",
    private readonly buffers: Readonly<Record<"input" | "gradOutput", GPUBuffer>>,
    private readonly weight: Float32Array,
    /** Elements of what the call computes. */
    private readonly length: number,
  ) {}

  private static make(device: Device, call: ConvolutionCall, precision: "f32" | "f16", filled: boolean): TrialBuffers {
    const { family, direction, input, outChannels } = call;
    const taps = { conv3x3: 9, conv1x1: 1, "conv-transpose2x2": 4 }[family];
    const inputs = imageSize(input);
    const outputs = imageSize({ ...input, channels: outChannels }) * (family === "conv-transpose2x2" ? 4 : 1);
    const weights = taps * input.channels * outChannels;
    const make = (name: string, length: number, seed: number): GPUBuffer => {
      const buffer = device.createBuffer(length * (precision === "f16" ? 2 : 4), name);
      if (filled) {
        const numbers = noise(length + (length % 2), seed);
        device.queue.writeBuffer(
          buffer,
          0,
          precision === "f16" ? (toHalf(numbers) as Uint16Array<ArrayBuffer>) : numbers,
        );
      }
      return buffer;
    };
    // A convolution's forward kernel reads `input`; its input gradient reads the gradient under the same name.
    const reads = direction === "grad-input" ? outputs : inputs;
    return new TrialBuffers(
      device,
      call,
      precision,
      { input: make("input", reads, 1), gradOutput: make("gradient", direction === "grad-weight" ? outputs : 1, 2) },
      filled ? noise(weights, 3) : new Float32Array(weights),
      { forward: outputs, "grad-input": inputs, "grad-weight": weights }[direction],
    );
  }

  /** With numbers in them, to compare results. */
  static random(device: Device, call: ConvolutionCall, precision: "f32" | "f16"): TrialBuffers {
    return TrialBuffers.make(device, call, precision, true);
  }

  /** Of zeros, to measure time. */
  static empty(device: Device, call: ConvolutionCall, precision: "f32" | "f16"): TrialBuffers {
    return TrialBuffers.make(device, call, precision, false);
  }

  async trial(variant: ConvolutionVariant): Promise<Trial> {
    const { device, call, precision, length } = this;
    const kernel = convolutionKernel(call, variant, { memory: device.workgroupMemory });
    const { partials } = kernel;
    const layout = packedLayout(call, variant);
    const packed = layout ? packWeight(this.weight, layout) : this.weight;
    const weight = device.createBuffer(packed.byteLength + uniformBytes, "weight");
    device.queue.writeBuffer(weight, 0, packed as Float32Array<ArrayBuffer>);
    const half = precision === "f16" && partials === undefined;
    const bytes = length * (partials ?? 1) * (half ? 2 : 4);
    const output = device.createBuffer(bytes, "result");
    const stored = new Set(precision === "f16" ? ["input", "gradOutput", "output"] : []);
    const source = withStorageTypes(kernel.source, stored);
    const buffers = { ...this.buffers, weight, output, partials: output };
    const release = (): void => {
      for (const buffer of [weight, output]) device.destroyBuffer(buffer);
    };
    const prepared = await PreparedKernel.make(device, { ...kernel, source }, buffers).catch((error: unknown) => {
      release();
      throw error;
    });
    return {
      kernel: prepared,
      result: async () => {
        const data = await device.readBuffer(output, 0, bytes);
        const numbers = half ? fromHalf(new Uint16Array(data, 0, length)) : new Float32Array(data);
        const sum = new Float64Array(length);
        numbers.forEach((value, i) => {
          sum[i % length] = (sum[i % length] as number) + value;
        });
        return sum;
      },
      destroy: () => {
        prepared.destroy();
        release();
      },
    };
  }

  destroy(): void {
    for (const buffer of Object.values(this.buffers)) this.device.destroyBuffer(buffer);
  }
}
