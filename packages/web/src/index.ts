/// <reference types="@webgpu/types" preserve="true" />
/**
 * What a page needs: the WebGPU adapter of the browser, and a storage in its private file system.
 *
 * @module @lobule/web
 */

export { NoAdapterError, openGpu } from "./open-gpu.js";
export { answerTasks } from "./storage/answer-tasks.js";
export { openStorage, removeFolder, type StorageOptions } from "./storage/opfs-storage.js";
export { isLocked } from "./storage/web-lock.js";
export { unzipFolder, zipFolder } from "./zip.js";
