/**
 * Bytes from which on memory that a process asks for is new from the system and reads as zeros: glibc takes none of what
 * was freed for it. Source: mallopt(3), M_MMAP_THRESHOLD, of which this is the most that it rises to.
 */
const alwaysNew = 32 * 2 ** 20;

/**
 * Dawn's null backend with memory that reads as zeros. Its buffers hold what was in the process's memory before, while
 * WebGPU's are zeros at first: without this what computes nothing would give NaN now and then.
 */
export function zeroed(gpu: GPU): GPU {
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => zeroedDevice(await requestDevice(descriptor));
    return adapter;
  };
  return gpu;
}

function zeroedDevice(device: GPUDevice): GPUDevice {
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const { size, usage, mappedAtCreation = false } = descriptor;
    const isWritten = (usage & GPUBufferUsage.COPY_DST) !== 0 && !mappedAtCreation;
    if (isWritten && size < alwaysNew) device.queue.writeBuffer(buffer, 0, new Uint8Array(size));
    return buffer;
  };
  return device;
}
