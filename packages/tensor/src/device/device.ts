import { hasMatrixProduct, type MatrixConfig, matrixFeature, type Reduction } from "@lobule/kernels-wgsl";
import type { TunedKernels } from "../compiler/calls.js";
import type { Program } from "../compiler/program.js";
import type { HostData, Tensor } from "../graph/tensor.js";
import { PlanError } from "../shape.js";
import { evaluate } from "./evaluate.js";
import { checkLimits, mib } from "./limits.js";
import { PipelineCache } from "./pipelines.js";
import { suitableKernels } from "./suitable-kernels.js";

/** The device failed: it was lost, or refused a command. The message names the kernel at hand where it is known. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
}

export interface DeviceOptions {
  readonly powerPreference?: GPUPowerPreference;
  /** Checks every run with error scopes: for tests. */
  readonly validate?: boolean;
}

/** Limits that are raised to what the adapter offers. */
const wantedLimits = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxUniformBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
] as const;

const wantedFeatures: readonly GPUFeatureName[] = [
  ...(["shader-f16", "timestamp-query", "subgroups"] as const),
  matrixFeature as GPUFeatureName, // Dawn's; not yet in the types of WebGPU
];

/** A WebGPU device with its pipelines, and an account of the buffers that are alive on it. */
export class Device {
  readonly pipelines: PipelineCache;
  private readonly buffers = new Map<GPUBuffer, number>();
  private lostReason: string | undefined;
  private destroyed = false;
  private tuned: TunedKernels | undefined;
  private suitable: Reduction = "parallel";
  /** The kernel that ran last, for the message when the device is lost. */
  lastKernel = "no kernel yet";

  private constructor(
    readonly gpu: GPUDevice,
    readonly adapterInfo: GPUAdapterInfo,
    readonly options: DeviceOptions,
  ) {
    this.pipelines = new PipelineCache(gpu);
    void gpu.lost.then(({ message }) => {
      if (!this.destroyed) this.lostReason = message;
    });
  }

  /**
   * Opens the best adapter that `gpu` has: `navigator.gpu` in a browser, `openGpu()` of @lobule/node in Node.
   * @throws DeviceError when there is none.
   */
  static async open(gpu: GPU, options: DeviceOptions = {}): Promise<Device> {
    const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" });
    if (adapter === null) {
      throw new DeviceError(
        "no WebGPU adapter was found: install a Vulkan driver, or in a browser turn on WebGPU; `lobule doctor` says more",
      );
    }
    const requiredLimits = Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]));
    const requiredFeatures = wantedFeatures.filter((feature) => adapter.features.has(feature));
    const device = new Device(await adapter.requestDevice({ requiredFeatures, requiredLimits }), adapter.info, options);
    device.suitable = await suitableKernels(device);
    return device;
  }

  get queue(): GPUQueue {
    return this.gpu.queue;
  }

  /**
   * Who adds up on this adapter. A software one runs invocations one after another, or a subgroup of 8 of them at once;
   * that it does so as the kernels rely on was seen when it was opened.
   */
  get reduction(): Reduction {
    return this.suitable;
  }

  /** The kernels to compile programs with: those that suit this adapter, or that were timed on it ({@link adopt}). */
  get kernels(): Reduction | TunedKernels {
    return this.tuned ?? this.suitable;
  }

  /** Takes timed kernels for every program that is compiled from now on. */
  adopt(tuned: TunedKernels): void {
    this.tuned = tuned;
  }

  get hasF16(): boolean {
    return this.gpu.features.has("shader-f16");
  }

  /**
   * Whether kernels may use the adapter's matrix units: it lists products of 16 × 16 in f16 with sums in f32, and its
   * subgroups are of 32, as the kernels have it. That they compute right is seen before they are used ({@link tune}).
   */
  get hasMatrices(): boolean {
    const { adapterInfo, gpu } = this;
    const { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs } = adapterInfo as GPUAdapterInfo & {
      readonly subgroupMatrixConfigs?: Iterable<MatrixConfig>; // Dawn's
    };
    const features = [matrixFeature, "shader-f16", "subgroups"].every((feature) => gpu.features.has(feature));
    return (
      features && subgroupMinSize === 32 && subgroupMaxSize === 32 && hasMatrixProduct(subgroupMatrixConfigs ?? [])
    );
  }

  /** Bytes of the buffers that are alive. */
  get liveBytes(): number {
    return [...this.buffers.values()].reduce((total, bytes) => total + bytes, 0);
  }

  get liveBuffers(): number {
    return this.buffers.size;
  }

  /** @throws PlanError when a program exceeds a limit of this device: which kernel, what it needs, what would fit. */
  check(program: Program): void {
    checkLimits(program, this.gpu);
  }

  /** A buffer for storage and copies (and uniform reads). @throws PlanError when it is larger than the limit. */
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

  /** Computes tensors at once: compiled, cached by structure, run, read back. */
  evaluate<Name extends string>(tensors: Readonly<Record<Name, Tensor>>): Promise<Record<Name, HostData>> {
    return evaluate(this, tensors);
  }

  /** @throws DeviceError when the device was lost or closed. */
  checkAlive(): void {
    if (this.destroyed) throw new DeviceError("the device was closed");
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
