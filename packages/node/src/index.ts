/// <reference types="@webgpu/types" preserve="true" />
/**
 * What a program in Node needs: WebGPU adapters through Dawn, files, locks and worker threads.
 *
 * @module @lobule/node
 */

export { type AdapterChoice, type AdapterKind, type AdapterRequest, NoAdapterError } from "./adapter-choice.js";
export { cacheFolder } from "./cache-folder.js";
export { codeMemory } from "./code-memory.js";
export { openNullGpu } from "./dawn.js";
export { FolderLock, type LockOptions, type LockTimes, removeLock, waitUntilFree } from "./lock/folder-lock.js";
export { livenessOf, ownIdentity, type ProcessIdentity, processIdentitySchema } from "./lock/process-identity.js";
export { adapterChoice, listAdapters, type MachineAdapter, type OpenGpuOptions, openGpu } from "./open-gpu.js";
export { withQuietDrivers } from "./quiet-drivers.js";
export { nodeStorage } from "./storage/node-storage.js";
export { gpuDevices } from "./vulkan-drivers.js";
