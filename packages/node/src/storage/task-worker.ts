import { parentPort } from "node:worker_threads";
import { runTask, type WorkerRequest } from "@lobule/data";
import { nodeStorage } from "./node-storage.js";

/** A thread that does one task after another; it never touches the GPU. */
parentPort?.on("message", async (request: WorkerRequest) => {
  parentPort?.postMessage(await runTask(nodeStorage, request));
});
