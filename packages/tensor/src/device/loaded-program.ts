import { fromHalf, packSizes } from "@lobule/kernels-wgsl";
import type { Call } from "../compiler/calls.js";
import type { Metrics, MetricValues, Place, Program } from "../compiler/program.js";
import type { FlatBuffer } from "../graph/flat-buffer.js";
import { constantData, type HostData, type Operand, storageOf, type Tensor } from "../graph/tensor.js";
import { PlanError, printShape, sizeOf } from "../shape.js";
import type { GpuContext } from "./gpu-context.js";
import { fixedRange, type Pipeline } from "./pipelines.js";

/** Runs whose metrics the ring holds before they must be read. */
const ringSize = 256;

interface Dispatch {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/** Time of one dispatch. */
export interface DispatchTime {
  readonly name: string;
  readonly microseconds: number;
}

/** Where the metrics of a run are in a row of the ring, in numbers. */
interface MetricsLayout {
  readonly length: number;
  readonly parts: readonly {
    readonly name: string;
    readonly tensor: Tensor;
    readonly from: number;
    readonly to: number;
  }[];
}

function layoutOf({ metrics, outputs }: Program): MetricsLayout {
  let length = 0;
  const parts = metrics.flatMap((name) => {
    const tensor = outputs[name];
    if (tensor === undefined) return [];
    const from = length;
    length += sizeOf(tensor.shape);
    return [{ name, tensor, from, to: length }];
  });
  return { length, parts };
}

const hostTypes = { f32: Float32Array, u32: Uint32Array, i32: Int32Array } as const;

/** A program on a device: each run replays the same dispatches with the same bind groups, in one submission or as it is cut. */
export class LoadedProgram {
  private runs = 0;
  private unread = 0;

  private constructor(
    readonly program: Program,
    private readonly device: GpuContext,
    private readonly buffers: ReadonlyMap<string | Tensor | FlatBuffer, GPUBuffer>,
    private readonly dispatches: readonly Dispatch[],
    private readonly layout: MetricsLayout,
    private readonly ring: GPUBuffer,
  ) {}

  /** Loads what was checked against the device's limits. */
  static async load(program: Program, device: GpuContext): Promise<LoadedProgram> {
    const pipelinesOf = (calls: readonly Call[]): Promise<Pipeline[]> =>
      Promise.all(calls.map(({ label, kernel }) => device.pipelines.get(label, kernel.source)));
    const [once, every] = await Promise.all([program.prologue, program.calls].map(pipelinesOf));
    for (const group of program.groups) await group.makeHost();
    return device.checked("loading a program", () => {
      const buffers = new Map<string | Tensor | FlatBuffer, GPUBuffer>();
      try {
        program.poolBytes.forEach((bytes, i) => {
          buffers.set(`pool ${i}`, device.createBuffer(bytes, `temporary ${i}`));
        });
        for (const arena of program.arenas) buffers.set(arena, device.createBuffer(arena.length * 4, arena.name));
        for (const tensor of program.owned) {
          const buffer = device.createBuffer(program.placeOf(tensor).bytes, tensor.node.operation.name);
          buffers.set(tensor, buffer);
          const data = constantData(tensor);
          if (data !== undefined) device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
        }
        const prologue = record(program, device, buffers, "prologue", once as Pipeline[]);
        const dispatches = record(program, device, buffers, "calls", every as Pipeline[]);
        const metrics = layoutOf(program);
        const ring = device.createBuffer(Math.max(metrics.length, 1) * ringSize * 4, "metrics");
        buffers.set("ring", ring);
        if (prologue.length > 0) {
          const encoder = device.gpu.createCommandEncoder();
          encode(encoder, prologue);
          device.queue.submit([encoder.finish()]);
        }
        return new LoadedProgram(program, device, buffers, dispatches, metrics, ring);
      } catch (error) {
        for (const buffer of buffers.values()) device.destroyBuffer(buffer);
        throw error;
      }
    });
  }

  /**
   * Feeds the inputs and runs once. Nothing is read back; the promise resolves when the work is queued.
   * @param queued called when each of the program's submissions is queued, before the next one: what it queues comes between.
   * @throws PlanError when an input is missing, unknown, or has the wrong length or type.
   */
  async run(inputs: Readonly<Record<string, HostData>> = {}, queued?: (submission: number) => void): Promise<void> {
    this.feed(inputs);
    await this.device.checked("running a program", () => {
      const { submissions } = this.program;
      let next = 0;
      for (const [i, { calls }] of submissions.entries()) {
        const encoder = this.device.gpu.createCommandEncoder();
        const first = next;
        next += launchesOf(calls);
        encode(encoder, this.dispatches.slice(first, next));
        if (i === submissions.length - 1) this.keepMetrics(encoder);
        this.device.lastKernel = this.dispatches[next - 1]?.name ?? "an empty program";
        this.device.queue.submit([encoder.finish()]);
        queued?.(i);
      }
    });
  }

  /** Waits until all that was queued is done. */
  async finished(): Promise<void> {
    await this.device.queue.onSubmittedWorkDone();
    this.device.checkAlive();
  }

  /**
   * Runs once with a timestamp around every dispatch.
   * @throws PlanError where the adapter has no timestamps.
   */
  async profile(inputs: Readonly<Record<string, HostData>> = {}): Promise<DispatchTime[]> {
    const { device, dispatches } = this;
    if (!device.gpu.features.has("timestamp-query"))
      throw new PlanError("this adapter has no timestamp-query; no profile can be taken");
    this.feed(inputs);
    const chunk = 2048; // queries that one set may hold is 4096, two a dispatch
    const times: DispatchTime[] = [];
    for (let start = 0; start < dispatches.length; start += chunk) {
      const part = dispatches.slice(start, start + chunk);
      const querySet = device.gpu.createQuerySet({ type: "timestamp", count: part.length * 2 });
      const { QUERY_RESOLVE, COPY_SRC } = GPUBufferUsage;
      const resolved = device.createBuffer(part.length * 16, "timestamps", QUERY_RESOLVE | COPY_SRC);
      const encoder = device.gpu.createCommandEncoder();
      part.forEach(({ pipeline, bindGroup, workgroups }, i) => {
        const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
        const pass = encoder.beginComputePass({ timestampWrites });
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(...workgroups);
        pass.end();
      });
      if (start + chunk >= dispatches.length) this.keepMetrics(encoder);
      encoder.resolveQuerySet(querySet, 0, part.length * 2, resolved, 0);
      device.queue.submit([encoder.finish()]);
      const stamps = new BigUint64Array(await device.readBuffer(resolved, 0, part.length * 16));
      part.forEach(({ name }, i) => {
        times.push({ name, microseconds: Number((stamps[2 * i + 1] ?? 0n) - (stamps[2 * i] ?? 0n)) / 1000 });
      });
      device.destroyBuffer(resolved);
      querySet.destroy();
    }
    return times;
  }

  /** The value of an output after the last run. @throws PlanError when there is no output of that name. */
  async read(name: string): Promise<HostData> {
    const { dtype, buffer, offset, bytes } = this.output(name);
    const data = await this.device.readBuffer(buffer, offset, bytes);
    return dtype === "f16" ? fromHalf(new Uint16Array(data)) : new hostTypes[dtype](data);
  }

  /** As {@link read}, but fills bytes that are there. @throws PlanError also when they are not as many as the output's. */
  async readInto(target: Uint8Array, name: string): Promise<void> {
    const { buffer, offset, bytes } = this.output(name);
    if (target.length !== bytes) throw new PlanError(`output '${name}' has ${bytes} bytes, not ${target.length}`);
    await this.device.readInto(target, buffer, offset);
  }

  /** Replaces the elements of a constant. */
  overwrite(constant: Tensor, data: HostData): void {
    const buffer = this.buffers.get(constant);
    if (buffer !== undefined) this.device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
  }

  /** The metrics of the runs since the last call, oldest first; of the last 256 at most. */
  async metrics(): Promise<MetricValues<Metrics>[]> {
    const { length, parts } = this.layout;
    const count = Math.min(this.unread, ringSize);
    this.unread = 0;
    if (count === 0 || length === 0) return Array.from({ length: count }, () => ({}));
    const ring = new Float32Array(await this.device.readBuffer(this.ring, 0, length * ringSize * 4));
    return Array.from({ length: count }, (_, i) => {
      const row = ((this.runs - count + i) % ringSize) * length;
      return Object.fromEntries(
        parts.map(({ name, tensor: { shape }, from, to }) => {
          const values = [...ring.subarray(row + from, row + to)];
          return [name, shape.length === 1 ? (values[0] ?? Number.NaN) : values];
        }),
      );
    });
  }

  /** Frees the program's buffers. Variables stay. */
  destroy(): void {
    for (const buffer of this.buffers.values()) this.device.destroyBuffer(buffer);
  }

  private feed(inputs: Readonly<Record<string, HostData>>): void {
    const known = this.program.inputs;
    for (const name of Object.keys(inputs)) {
      if (!(name in known))
        throw new PlanError(`no input '${name}'; this program takes ${Object.keys(known).join(", ") || "none"}`);
    }
    for (const [name, tensor] of Object.entries(known)) {
      const data = inputs[name];
      const wanted = `${tensor.dtype} of shape ${printShape(tensor.shape)}`;
      if (data === undefined) throw new PlanError(`input '${name}' is missing (${wanted})`);
      const Type = tensor.dtype === "f16" ? undefined : hostTypes[tensor.dtype];
      if (Type === undefined || !(data instanceof Type))
        throw new PlanError(`input '${name}': expected ${wanted}, got a ${data.constructor.name}`);
      if (data.length !== sizeOf(tensor.shape)) {
        throw new PlanError(
          `input '${name}': expected ${wanted} (${sizeOf(tensor.shape)} elements), got ${data.length}`,
        );
      }
      const buffer = this.buffers.get(tensor);
      if (buffer !== undefined) this.device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
    }
  }

  private keepMetrics(encoder: GPUCommandEncoder): void {
    const { length, parts } = this.layout;
    for (const { name, from, to } of parts) {
      const { buffer, offset } = this.output(name);
      const at = (this.runs % ringSize) * length + from;
      encoder.copyBufferToBuffer(buffer, offset, this.ring, at * 4, (to - from) * 4);
    }
    this.runs++;
    this.unread++;
  }

  private output(name: string) {
    const tensor = this.program.outputs[name];
    if (tensor === undefined) {
      throw new PlanError(
        `no output '${name}'; this program has ${Object.keys(this.program.outputs).join(", ") || "none"}`,
      );
    }
    const bytes = sizeOf(tensor.shape) * (tensor.dtype === "f16" ? 2 : 4);
    return { dtype: tensor.dtype, bytes, ...this.locate(storageOf(tensor)) };
  }

  private locate(tensor: Tensor): { buffer: GPUBuffer; offset: number } {
    const place = this.program.placeOf(tensor);
    return { buffer: bufferAt(place, this.device, this.buffers), offset: place.offset };
  }
}

function bufferAt(
  place: Place,
  device: GpuContext,
  buffers: ReadonlyMap<string | Tensor | FlatBuffer, GPUBuffer>,
): GPUBuffer {
  if (place.kind === "group") return place.group.place(device);
  const key = place.kind === "pool" ? `pool ${place.buffer}` : place.kind === "arena" ? place.arena : place.tensor;
  const buffer = buffers.get(key);
  if (buffer === undefined) throw new PlanError("an operand has no buffer");
  return buffer;
}

const launchesOf = (calls: readonly Call[]): number =>
  calls.reduce((count, { kernel }) => count + kernel.launches.length, 0);

function encode(encoder: GPUCommandEncoder, dispatches: readonly Dispatch[]): void {
  const pass = encoder.beginComputePass();
  for (const { pipeline, bindGroup, workgroups } of dispatches) {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(...workgroups);
  }
  pass.end();
}

/** One bind group a launch, all sizes in one uniform buffer. */
function record(
  program: Program,
  device: GpuContext,
  buffers: Map<string | Tensor | FlatBuffer, GPUBuffer>,
  part: "prologue" | "calls",
  pipelines: readonly Pipeline[],
): Dispatch[] {
  const launches = program[part].flatMap((call, i) =>
    call.kernel.launches.map((launch) => ({ call, launch, pipeline: pipelines[i] as Pipeline })),
  );
  const packed = launches.map(({ call, launch }) => packSizes(call.kernel.source, launch.sizes));
  const stride = 256;
  const offsets: number[] = [];
  let total = 0;
  for (const bytes of packed) {
    offsets.push(total);
    total += Math.ceil(bytes.byteLength / stride) * stride;
  }
  const all = new Uint8Array(Math.max(total, 16));
  packed.forEach((bytes, i) => {
    all.set(new Uint8Array(bytes), offsets[i]);
  });
  const sizes = device.createBuffer(all.byteLength, "sizes");
  buffers.set(`sizes of ${part}`, sizes);
  device.queue.writeBuffer(sizes, 0, all);
  return launches.map(({ call, launch, pipeline }, i) => {
    const operands = new Map(call.operands.map(({ name, operand }) => [name, operand]));
    const entries = pipeline.bindings.map((binding, index): GPUBindGroupEntry => {
      if (binding.name === "sizes") {
        return {
          binding: index,
          resource: { buffer: sizes, offset: offsets[i] as number, size: (packed[i] as ArrayBuffer).byteLength },
        };
      }
      const place = program.placeOf(operands.get(binding.name) as Operand);
      const size = fixedRange(binding.type) ?? place.bytes;
      return {
        binding: index,
        resource: {
          buffer: bufferAt(place, device, buffers),
          offset: place.offset,
          size: Math.ceil(size / 4) * 4,
        },
      };
    });
    const bindGroup = device.gpu.createBindGroup({ label: call.label, layout: pipeline.layout, entries });
    return { name: call.label, pipeline: pipeline.pipeline, bindGroup, workgroups: launch.workgroups };
  });
}
