export { NoAdapterError, openGpu } from "./open-gpu.js";
export { openStorage, type StorageOptions } from "./storage/opfs-storage.js";
