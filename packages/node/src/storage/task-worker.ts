import { parentPort } from "node:worker_threads";
import { runTask } from "@lobule/data";
import { nodeStorage } from "./node-storage.js";
import type { WorkerAnswer } from "./worker-answer.js";

/** A thread that does one task after another; it never touches the GPU. */
parentPort?.on("message", ({ task, request }: { readonly task: string; readonly request: unknown }) => {
  runTask(nodeStorage, task, request).then(
    (result) => parentPort?.postMessage({ kind: "done", result } satisfies WorkerAnswer),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      parentPort?.postMessage({ kind: "failed", message } satisfies WorkerAnswer);
    },
  );
});
