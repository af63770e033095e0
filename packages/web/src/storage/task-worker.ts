import { runTask, type WorkerRequest } from "@lobule/data";
import { openStorage } from "./opfs-storage.js";

/** A worker that does one task after another; it never touches the GPU. */
const storage = openStorage();

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  self.postMessage(await runTask(await storage, data));
};
