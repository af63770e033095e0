import type { Storage } from "@lobule/data";
import type { Device } from "@lobule/tensor";
import type { Collective } from "../collective/collective.js";
import type { ModelCode } from "../model/model-description.js";
import type { CodeTrust } from "../model/trusted-code.js";
import type { MayWrite, RunFolder } from "../run/run-folder.js";
import type { TrainingConfig } from "./config-schema.js";
import type { PrepareOptions } from "./prepare-data.js";
import type { RunKeeper } from "./run-keeper.js";
import type { Trainer } from "./trainer.js";
import type { TrainingObserver } from "./training-observer.js";

/** What a run needs besides its configuration. */
export interface RunRequest extends Omit<PrepareOptions, "split" | "cacheDirectory">, CodeTrust {
  /** Holds the run's folder, its data and their slice cache. */
  readonly storage: Storage;
  /** Where the decoded slices of a Decathlon folder are kept. */
  readonly cacheDirectoryOf: (data: string) => string;
  readonly device: Device;
  /** Bytes that a step may take, where that is known: of the machine's memory, where the adapter uses it. */
  readonly memory?: number;
  /** Code of the configuration's own model, where it has one. */
  readonly code?: ModelCode;
  /** Milliseconds; for rates only. */
  readonly now: () => number;
  readonly observer?: TrainingObserver;
  /** Pauses the run once so many epochs are done; see Trainer. */
  readonly pauseAfter?: number;
  /** More epochs than a run that is resumed was begun with; kept in its config.json. */
  readonly epochs?: number;
  /** Where the data of a run that is resumed are now, if they have moved; kept in its config.json. */
  readonly data?: string;
  /** Opens what keeps records of the run besides its folder's, such as `keepReport` of @lobule/report. */
  readonly keeper?: OpenKeeper;
  /** Keeps the run's folder from being written once another process has it; always allowed by default. */
  readonly mayWrite?: MayWrite;
  /** The processes that train the run together, of which the first starts or resumes it and the others join; see `joinRun`. */
  readonly world?: Collective;
  /** What must be the same on all of them besides configuration and data, by what it is called: program, adapter. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** What records of a run are made of. */
export interface KeptRun {
  readonly folder: RunFolder;
  readonly config: TrainingConfig;
  readonly trainer: Trainer;
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
  readonly note: (text: string) => void;
}

/**
 * Opens what keeps a run's records.
 * @throws what the run is not to begin with, such as FileWriteError where its records cannot be made.
 */
export type OpenKeeper = (run: KeptRun) => Promise<RunKeeper>;
