import { hasMatrixProduct, type MatrixConfig, matrixFeature, matrixMemory, type Reduction } from "@lobule/kernels-wgsl";
import type { TunedKernels } from "../compiler/calls.js";
import type { Program } from "../compiler/program.js";
import type { HostData, Tensor } from "../graph/tensor.js";
import { Evaluations } from "./evaluate.js";
import { DeviceError, type DeviceOptions, GpuContext } from "./gpu-context.js";
import { checkLimits } from "./limits.js";
import { LoadedProgram } from "./loaded-program.js";
import { suitableKernels } from "./suitable-kernels.js";

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

/** A WebGPU device that runs programs. */
export class Device extends GpuContext {
  private tuned: TunedKernels | undefined;
  private suitable: Reduction = "parallel";
  private readonly evaluations = new Evaluations((program) => this.load(program));

  /**
   * Opens the best adapter that `gpu` has: `navigator.gpu` in a browser, `openGpu()` of @lobule/node in Node.
   * @throws DeviceError when there is none.
   */
  static async open(gpu: GPU, options: DeviceOptions = {}): Promise<Device> {
    const { powerPreference = "high-performance", forceFallbackAdapter = false } = options;
    const adapter = await gpu.requestAdapter({ powerPreference, forceFallbackAdapter });
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

  /**
   * Which invocations sum together on this adapter. A software one runs invocations one after another, or a subgroup of
   * 8 of them at once; that it does so as the kernels rely on was seen when it was opened.
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

  /** Bytes of workgroup memory that a kernel may use here. */
  get workgroupMemory(): number {
    return this.gpu.limits.maxComputeWorkgroupStorageSize;
  }

  /**
   * Whether kernels may use the adapter's matrix units: it lists products of 16 × 16 in f16 with sums in f32, and its
   * subgroups are of 32, as the kernels have it, and they have their workgroup memory. That they compute right is seen before they are used ({@link tune}).
   */
  get hasMatrices(): boolean {
    const { adapterInfo, gpu } = this;
    const { subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs } = adapterInfo as GPUAdapterInfo & {
      readonly subgroupMatrixConfigs?: Iterable<MatrixConfig>; // Dawn's
    };
    const features = [matrixFeature, "shader-f16", "subgroups"].every((feature) => gpu.features.has(feature));
    return (
      features &&
      this.workgroupMemory >= matrixMemory &&
      subgroupMinSize === 32 &&
      subgroupMaxSize === 32 &&
      hasMatrixProduct(subgroupMatrixConfigs ?? [])
    );
  }

  /** @throws PlanError when a program exceeds a limit of this device: which kernel, what it needs, what would fit. */
  check(program: Program): void {
    checkLimits(program, this.gpu);
  }

  /** Puts a program on the device: buffers, pipelines, bind groups. @throws PlanError when it exceeds a limit. */
  async load(program: Program): Promise<LoadedProgram> {
    this.check(program);
    return LoadedProgram.load(program, this);
  }

  /** Computes tensors at once: compiled, cached by structure, run, read back. */
  evaluate<Name extends string>(tensors: Readonly<Record<Name, Tensor>>): Promise<Record<Name, HostData>> {
    return this.evaluations.evaluate(tensors, this.kernels);
  }
}
