import { type Binding, bindingsOf } from "@lobule/kernels-wgsl";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly bindings: readonly Binding[];
}

const bufferTypes = { uniform: "uniform", read: "read-only-storage", read_write: "storage" } as const;

/** Bytes of a fixed-length uniform array, which must be bound whole. */
export const fixedRange = (type: string): number | undefined => {
  const match = /array<vec4f, (\d+)>/.exec(type);
  return match ? Number(match[1]) * 16 : undefined;
};

/** Compiles each WGSL text once. */
export class PipelineCache {
  private readonly made = new Map<string, Promise<Pipeline>>();

  constructor(private readonly device: GPUDevice) {}

  get size(): number {
    return this.made.size;
  }

  /** @throws Error with the compiler's message when the text does not compile. */
  get(name: string, source: string): Promise<Pipeline> {
    let pipeline = this.made.get(source);
    if (pipeline === undefined) {
      pipeline = this.make(name, source);
      this.made.set(source, pipeline);
    }
    return pipeline;
  }

  private async make(name: string, source: string): Promise<Pipeline> {
    const bindings = bindingsOf(source);
    // An explicit layout: the automatic one leaves out what the text happens not to use.
    const layout = this.device.createBindGroupLayout({
      label: name,
      entries: bindings.map(({ access }, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: bufferTypes[access] },
      })),
    });
    const module = this.device.createShaderModule({ code: source, label: name });
    try {
      const pipeline = await this.device.createComputePipelineAsync({
        label: name,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module },
      });
      return { pipeline, layout, bindings };
    } catch (error) {
      const { messages } = await module.getCompilationInfo();
      const first = messages.find(({ type }) => type === "error");
      const where = first ? ` (line ${first.lineNum}: ${first.message})` : "";
      throw new Error(`${name} does not compile${where}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
