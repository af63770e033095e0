import { type Kernel, KernelDeclarationError } from "../contract/kernel.js";
import { type Binding, bindingsOf, packSizes } from "../transforms/wgsl-text.js";

/** Host arrays that a binding can take. */
export type HostArray = Float32Array | Uint32Array | Int32Array | Uint16Array;

const alignTo = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Bytes of a uniform array, which has a fixed length in the text: the bound range must hold all of it. */
function fixedBytesOf({ type }: Binding): number | undefined {
  const length = /array<vec4f, (\d+)>/.exec(type)?.[1];
  return length === undefined ? undefined : Number(length) * 16;
}

const bufferSizeOf = (binding: Binding, bytes: number): number =>
  alignTo(Math.max(bytes, 16) + (fixedBytesOf(binding) ?? 0), 16);

const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/** Each text is compiled once for a device: extents are in a uniform, so most cases of a file share a text. */
function pipelineOf(device: GPUDevice, name: string, source: string): GPUComputePipeline {
  const made = pipelines.get(device) ?? new Map<string, GPUComputePipeline>();
  pipelines.set(device, made);
  const pipeline =
    made.get(source) ??
    device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code: source, label: name }) },
    });
  made.set(source, pipeline);
  return pipeline;
}

/**
 * Runs a kernel with nothing but a device: uploads the arrays, runs every launch, reads the named outputs back.
 *
 * `arrays` holds a host array for each binding but `sizes`; those named in `outputs` come back after the run, with the
 * type that they came in. For a small runner only: each call makes and destroys its buffers.
 * @throws KernelDeclarationError when an array or a binding is missing.
 * @throws Error with the device's message when validation or compilation fails.
 */
export async function runKernel<Output extends string>(
  device: GPUDevice,
  kernel: RunnableKernel,
  arrays: Readonly<Record<string, HostArray>>,
  outputs: readonly Output[],
): Promise<Record<Output, HostArray>> {
  const bindings = bindingsOf(kernel.source);
  for (const name of Object.keys(arrays)) {
    if (!bindings.some((binding) => binding.name === name)) {
      throw new KernelDeclarationError(`${kernel.name} has no binding '${name}'`);
    }
  }
  device.pushErrorScope("validation");
  const made: GPUBuffer[] = [];
  const makeBuffer: MakeBuffer = (size, usage) => {
    const buffer = device.createBuffer({ size, usage });
    made.push(buffer);
    return buffer;
  };
  const buffers = uploaded(device, kernel, arrays, makeBuffer);
  const encoder = device.createCommandEncoder();
  encodeLaunches(device, encoder, kernel, buffers, makeBuffer);
  const readBacks = outputs.map((name) => {
    const array = arrays[name];
    const buffer = buffers.get(name);
    if (array === undefined || buffer === undefined)
      throw new KernelDeclarationError(`${kernel.name}: no output '${name}'`);
    const size = alignTo(array.byteLength, 4);
    const readBack = makeBuffer(size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    encoder.copyBufferToBuffer(buffer, 0, readBack, 0, size);
    return { name, array, readBack };
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error !== null) {
    for (const buffer of made) buffer.destroy();
    throw new Error(`${kernel.name}: ${error.message}`);
  }
  const results = {} as Record<Output, HostArray>;
  for (const { name, array, readBack } of readBacks) {
    await readBack.mapAsync(GPUMapMode.READ);
    const Type = array.constructor as new (buffer: ArrayBuffer, offset: number, length: number) => HostArray;
    results[name] = new Type(readBack.getMappedRange().slice(0), 0, array.length);
    readBack.unmap();
  }
  for (const buffer of made) buffer.destroy();
  return results;
}

type RunnableKernel = Pick<Kernel, "name" | "source" | "launches">;
type MakeBuffer = (size: number, usage: number) => GPUBuffer;

/** A buffer with its array for each binding but `sizes`. */
function uploaded(
  device: GPUDevice,
  { name: kernel, source }: RunnableKernel,
  arrays: Readonly<Record<string, HostArray>>,
  makeBuffer: MakeBuffer,
): Map<string, GPUBuffer> {
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const buffers = new Map<string, GPUBuffer>();
  for (const binding of bindingsOf(source)) {
    const array = arrays[binding.name];
    if (binding.name === "sizes") continue;
    if (array === undefined) throw new KernelDeclarationError(`${kernel}: no array for binding '${binding.name}'`);
    const usage = (binding.access === "uniform" ? UNIFORM : STORAGE) | COPY_SRC | COPY_DST;
    const buffer = makeBuffer(bufferSizeOf(binding, array.byteLength), usage);
    const padded = new Uint8Array(alignTo(array.byteLength, 4));
    padded.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    device.queue.writeBuffer(buffer, 0, padded);
    buffers.set(binding.name, buffer);
  }
  return buffers;
}

/** Every launch of a kernel in one pass, each with its own sizes. */
function encodeLaunches(
  device: GPUDevice,
  encoder: GPUCommandEncoder,
  { name, source, launches }: RunnableKernel,
  buffers: ReadonlyMap<string, GPUBuffer>,
  makeBuffer: MakeBuffer,
): void {
  const pipeline = pipelineOf(device, name, source);
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  for (const launch of launches) {
    const bytes = packSizes(source, launch.sizes);
    const sizes = makeBuffer(bytes.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    device.queue.writeBuffer(sizes, 0, bytes);
    const entries = bindingsOf(source).map((binding, index): GPUBindGroupEntry => {
      const buffer = binding.name === "sizes" ? sizes : (buffers.get(binding.name) as GPUBuffer);
      const fixed = fixedBytesOf(binding);
      return { binding: index, resource: { buffer, ...(fixed === undefined ? {} : { size: fixed }) } };
    });
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(...launch.workgroups);
  }
  pass.end();
}
