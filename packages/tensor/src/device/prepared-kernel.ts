import { type Kernel, packSizes } from "@lobule/kernels-wgsl";
import type { GpuContext } from "./gpu-context.js";
import { fixedRange } from "./pipelines.js";

/** A kernel by itself on buffers of its own, ready to be run many times: to time it or to look at what it does. */
export class PreparedKernel {
  private constructor(
    private readonly device: GpuContext,
    private readonly pipeline: GPUComputePipeline,
    private readonly launches: readonly { readonly bindGroup: GPUBindGroup; readonly workgroups: readonly number[] }[],
    private readonly sizes: readonly GPUBuffer[],
  ) {}

  /**
   * @param buffers those of every binding but `sizes`, by name; they stay the caller's.
   * @throws RangeError when one is missing.
   */
  static async make(
    device: GpuContext,
    kernel: Kernel,
    buffers: Readonly<Record<string, GPUBuffer>>,
  ): Promise<PreparedKernel> {
    const { pipeline, layout, bindings } = await device.pipelines.get(kernel.name, kernel.source);
    const own: GPUBuffer[] = [];
    const launches = kernel.launches.map(({ sizes: values, workgroups }) => {
      const packed = packSizes(kernel.source, values);
      const sizes = device.createBuffer(packed.byteLength, "sizes");
      own.push(sizes);
      device.queue.writeBuffer(sizes, 0, packed);
      const entries = bindings.map(({ name, type }, binding): GPUBindGroupEntry => {
        const buffer = name === "sizes" ? sizes : buffers[name];
        if (buffer === undefined) throw new RangeError(`${kernel.name}: no buffer for '${name}'`);
        const size = fixedRange(type);
        return { binding, resource: size === undefined ? { buffer } : { buffer, size } };
      });
      return { bindGroup: device.gpu.createBindGroup({ layout, entries }), workgroups };
    });
    return new PreparedKernel(device, pipeline, launches, own);
  }

  /** Runs all launches so many times; resolves when the device is done. */
  async run(times = 1): Promise<void> {
    const encoder = this.device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(this.pipeline);
    for (let i = 0; i < times; i++) {
      for (const { bindGroup, workgroups } of this.launches) {
        const [x = 1, y = 1, z = 1] = workgroups;
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(x, y, z);
      }
    }
    pass.end();
    this.device.queue.submit([encoder.finish()]);
    await this.device.queue.onSubmittedWorkDone();
  }

  destroy(): void {
    for (const buffer of this.sizes) this.device.destroyBuffer(buffer);
  }
}
