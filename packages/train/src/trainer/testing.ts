import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantom } from "@lobule/data";
import { nodeStorage, openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { RunFolder } from "../run/run-folder.js";
import type { TrainingOutcome } from "../run/training-state.js";
import type { TrainingConfig } from "./config-schema.js";
import { type OpenRun, resumeRun, startRun } from "./open-run.js";
import type { OpenKeeper, RunRequest } from "./run-request.js";
import { resolveConfig } from "./training-config.js";

/** When a run is asked to stop: at a report of its validations, counted over epochs, or at the end of an epoch. */
export interface Stop {
  readonly afterReports?: number;
  readonly afterEpochs?: number;
}

async function ended(run: OpenRun): Promise<TrainingOutcome> {
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

/** A device and a folder with a small phantom task, in which tests train runs by name. */
export class TestRuns {
  private constructor(
    readonly device: Device,
    readonly root: string,
    private readonly keeper: OpenKeeper | undefined,
  ) {}

  /** @param keeper of the records of each run, where a test wants such. */
  static async open(keeper?: OpenKeeper): Promise<TestRuns> {
    const device = await Device.open(await openGpu());
    const root = await mkdtemp(join(tmpdir(), "lobule-trainer-"));
    await writePhantom(nodeStorage, join(root, "data"), { cases: 5, testCases: 0, size: 16, slices: [3, 5], seed: 3 });
    return new TestRuns(device, root, keeper);
  }

  async close(): Promise<void> {
    this.device.destroy();
    await rm(this.root, { recursive: true, force: true });
  }

  readonly config = (changes: Partial<TrainingConfig> = {}): TrainingConfig =>
    resolveConfig(
      null,
      {
        data: join(this.root, "data"),
        size: 16,
        // The least to compile: what these tests are of does not depend on the network.
        network: { preset: "unet", skip: "add" },
        baseFeatures: 1,
        depth: 1,
        batch: 4,
        learningRate: 1e-2,
        epochs: 2,
        window: [-160, 240],
      },
      { earlyStopping: { patience: 50 } },
      changes,
    );

  readonly request = ({ afterReports, afterEpochs }: Stop = {}): RunRequest => {
    const { device, root, keeper } = this;
    const controller = new AbortController();
    let reports = 0;
    let milliseconds = 0;
    return {
      storage: nodeStorage,
      device,
      now: () => (milliseconds += 10),
      signal: controller.signal,
      ...(keeper === undefined ? {} : { keeper }),
      // Decoding in this thread: worker threads have tests of their own.
      workers: 0,
      cacheDirectoryOf: () => join(root, "cache"),
      observer: {
        validating: () => {
          reports += 1;
          if (reports === afterReports) controller.abort();
        },
        epoch: ({ epoch }) => {
          if (epoch + 1 === afterEpochs) controller.abort();
        },
      },
    };
  };

  readonly trained = async (name: string, settings: TrainingConfig, stop: Stop = {}): Promise<TrainingOutcome> =>
    ended(await startRun(settings, join(this.root, name), {}, this.request(stop)));

  readonly resumed = async (name: string, stop: Stop = {}): Promise<TrainingOutcome> =>
    ended(await resumeRun(join(this.root, name), this.request(stop)));

  readonly bytesOf = (name: string, kind: "best" | "last"): Promise<Buffer> =>
    readFile(join(this.root, name, "checkpoints", `${kind}.safetensors`));

  /** metrics.jsonl without what depends on the clock. */
  readonly metricsOf = async (name: string) => {
    const records = await (await RunFolder.open(nodeStorage, join(this.root, name))).readMetrics();
    return records.map(({ seconds: _s, slicesPerSecond: _p, waitedShare: _w, ...rest }) => rest);
  };
}
