import type { SliceCache } from "@lobule/data";
import type { Device } from "@lobule/tensor";
import type { Collective } from "../collective/collective.js";
import type { ModelCode, ModelDescription } from "../model/model-description.js";
import type { TrainingConfig } from "./config-schema.js";
import type { CaseNumbers } from "./epoch-slices.js";
import type { TrainingObserver } from "./training-observer.js";

/** What a trainer is asked to do, and with what. */
export interface TrainerOptions {
  readonly device: Device;
  /** Bytes that a step may take, where that is known. */
  readonly memory?: number;
  readonly config: TrainingConfig;
  readonly model: ModelDescription;
  /** What makes the network, where it is no U-Net of ours. */
  readonly code?: ModelCode;
  readonly cache: SliceCache;
  /** Indices of the cases of the cache. */
  readonly cases: CaseNumbers;
  /** Milliseconds; for rates only, no result depends on it. */
  readonly now: () => number;
  /** Ends training after the step under way; the state is saved. */
  readonly signal?: AbortSignal;
  /** Pauses once so many epochs are done. The learning rate does not know of it: it follows the configuration's epochs. */
  readonly pauseAfter?: number;
  readonly observer?: TrainingObserver;
  /** The processes that train this run together; this one alone by default. The first of them writes. */
  readonly world?: Collective;
}
