import { type Remote, wrap } from "comlink";
import type { Engine } from "../worker/engine.js";
import EngineWorker from "../worker/engine-worker.js?worker";

/** An engine in a worker of its own, which answers by promises. */
export type RemoteEngine = Remote<Engine>;

const start = (): RemoteEngine => wrap<Engine>(new EngineWorker({ name: location.search }));

let quick: RemoteEngine | undefined;
let training: RemoteEngine | undefined;

/** Computes what the page waits for: segmentations, comparisons, measurements. */
export const quickEngine = (): RemoteEngine => {
  quick ??= start();
  return quick;
};

/** Trains, apart from the other, so that a scan can be segmented meanwhile. */
export const trainingEngine = (): RemoteEngine => {
  training ??= start();
  return training;
};
