import type { HostData, Tensor, TensorDevice } from "../graph/tensor.js";
import { PlanError } from "../shape.js";
import { mib } from "./limits.js";
import { PipelineCache } from "./pipelines.js";

/** The device failed: it was lost, or refused a command. The message names the kernel at hand where it is known. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
}

/** How a device is opened. */
export interface DeviceOptions extends Pick<GPURequestAdapterOptions, "powerPreference" | "forceFallbackAdapter"> {
  /** Checks every run with error scopes: for tests. */
  readonly validate?: boolean;
}

const refusedMemory = (inUse: string): DeviceError =>
  new DeviceError(
    `the GPU has too little memory: with ${inUse} in use it had no more; use a smaller batch, or recomputation (--recompute)`,
  );

/** A WebGPU device with its pipelines and an account of the buffers that are alive on it; it knows no program. */
export abstract class GpuContext implements TensorDevice {
  readonly pipelines: PipelineCache;
  /** The kernel that ran last, for the message when the device is lost. */
  lastKernel = "no kernel yet";
  private readonly buffers = new Map<GPUBuffer, number>();
  private lostReason: string | undefined;
  /** What was in use when memory was refused: what needed it computes nothing from then on, and does not say so. */
  private refused: string | undefined;
  private destroyed = false;

  constructor(
    readonly gpu: GPUDevice,
    readonly adapterInfo: GPUAdapterInfo,
    readonly options: DeviceOptions,
  ) {
    this.pipelines = new PipelineCache(gpu);
    void gpu.lost.then(({ message }) => {
      if (!this.destroyed) this.lostReason = message;
    });
    gpu.addEventListener("uncapturederror", ({ error }) => {
      if (error instanceof GPUOutOfMemoryError) this.refused = mib(this.liveBytes);
    });
  }

  abstract evaluate<Name extends string>(tensors: Readonly<Record<Name, Tensor>>): Promise<Record<Name, HostData>>;

  get queue(): GPUQueue {
    return this.gpu.queue;
  }

  /** Bytes of the buffers that are alive. */
  get liveBytes(): number {
    return [...this.buffers.values()].reduce((total, bytes) => total + bytes, 0);
  }

  get liveBuffers(): number {
    return this.buffers.size;
  }

  /** A buffer for storage and copies (and uniform reads). @throws PlanError when it is larger than the limit, DeviceError when there is too little memory for it. */
  createBuffer(bytes: number, label: string, usage?: number): GPUBuffer {
    this.checkAlive();
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    if (size > this.gpu.limits.maxBufferSize) {
      throw new PlanError(
        `${label}: needs a buffer of ${mib(size)}, this adapter allows ${mib(this.gpu.limits.maxBufferSize)}; use a smaller batch`,
      );
    }
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const buffer = this.gpu.createBuffer({ size, label, usage: usage ?? STORAGE | UNIFORM | COPY_SRC | COPY_DST });
    if (this.refused !== undefined) {
      // Dawn in Node says so at once, and nobody has the buffer yet; in a browser what is done next finds out.
      const refusal = refusedMemory(this.refused);
      this.refused = undefined;
      buffer.destroy();
      throw refusal;
    }
    this.buffers.set(buffer, size);
    return buffer;
  }

  destroyBuffer(buffer: GPUBuffer): void {
    this.buffers.delete(buffer);
    buffer.destroy();
  }

  /** Copies a range of a buffer to the host. */
  async readBuffer(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    const data = new ArrayBuffer(bytes);
    await this.readInto(new Uint8Array(data), buffer, offset);
    return data;
  }

  /** Fills bytes of the host with those of a buffer from `offset` on. */
  async readInto(bytes: Uint8Array, buffer: GPUBuffer, offset: number): Promise<void> {
    this.checkAlive();
    const size = Math.ceil(bytes.length / 4) * 4;
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    const target = this.createBuffer(size, "read-back", MAP_READ | COPY_DST);
    try {
      const encoder = this.gpu.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, offset, target, 0, size);
      this.queue.submit([encoder.finish()]);
      await target.mapAsync(GPUMapMode.READ);
      bytes.set(new Uint8Array(target.getMappedRange(), 0, bytes.length));
      target.unmap();
    } catch (error) {
      this.checkAlive();
      throw error;
    } finally {
      this.destroyBuffer(target);
    }
  }

  /** Runs `work` under an error scope where the device was opened with `validate`. */
  async checked<T>(what: string, work: () => T): Promise<T> {
    this.checkAlive();
    if (this.options.validate !== true) return work();
    this.gpu.pushErrorScope("validation");
    this.gpu.pushErrorScope("out-of-memory");
    const result = work();
    const errors = [await this.gpu.popErrorScope(), await this.gpu.popErrorScope()];
    for (const error of errors) if (error !== null) throw new DeviceError(`${what}: ${error.message}`);
    return result;
  }

  /** @throws DeviceError when the device was lost or closed, or had too little memory. */
  checkAlive(): void {
    if (this.destroyed) throw new DeviceError("the device was closed");
    if (this.refused !== undefined) throw refusedMemory(this.refused);
    if (this.lostReason !== undefined) {
      throw new DeviceError(
        `the GPU was lost while running ${this.lastKernel}: ${this.lostReason}. Start again; a smaller batch or recomputation (--recompute) may help`,
      );
    }
  }

  /** Releases everything; the process can then end by itself. */
  destroy(): void {
    this.destroyed = true;
    for (const buffer of [...this.buffers.keys()]) this.destroyBuffer(buffer);
    this.gpu.destroy();
  }
}
