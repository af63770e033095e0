export { type AdapterChoice, type AdapterKind, type AdapterRequest, NoAdapterError } from "./adapter-choice.js";
export { adapterChoice, type OpenGpuOptions, openGpu } from "./open-gpu.js";
