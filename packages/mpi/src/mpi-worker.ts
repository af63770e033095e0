import { parentPort, workerData } from "node:worker_threads";
import type { Start } from "./messages.js";
import { MpiThread } from "./mpi-thread.js";

MpiThread.run(workerData as Start, (answer) => parentPort?.postMessage(answer));
