import { writeFile } from "node:fs/promises";
import { readBytes } from "@lobule/data";
import { referenceSpec } from "@lobule/nn";
import { nodeStorage } from "@lobule/node";
import {
  type Device,
  type LoadedProgram,
  type Measured,
  readSafetensors,
  type SafetensorsTensor,
} from "@lobule/tensor";
import { type ModelDescription, SlicePredictor, segmentVolume } from "@lobule/train";
import { BenchError } from "../bench-error.js";
import { type Effort, type TuneProgress, tuneKernels } from "../tune/tune-kernels.js";
import { type LossMetric, makeWorkload, repeat, type Workload, type WorkloadOptions } from "../workload.js";
import type {
  ForwardRequest,
  PeerMemory,
  PeerStart,
  StepAnswer,
  TimeAnswer,
  Times,
  VolumeRequest,
} from "./peer-protocol.js";
export interface OwnPeerOptions {
  readonly precision: "f32" | "f16";
  /** Whether a training step makes cheap tensors again instead of keeping them. */
  readonly recompute: boolean;
  readonly tune: Effort;
  /** Seconds that the timing of kernels may take. */
  readonly tuneBudget: number;
  /** Milliseconds. */
  readonly now: () => number;
  /** Most memory of this process so far, bytes. */
  readonly residentBytes: () => number;
  /** Told what became of the kernels that were timed. */
  readonly log: (line: string) => void;
  /** Begins a display of the kernels that are timed. */
  readonly progress: () => TuneProgress;
}

/** Lobule as one of the peers: it starts from the same file and does what the same lines say. */
export class OwnPeer {
  private workload: Workload | undefined;
  private training: (Measured<LossMetric> & LoadedProgram) | undefined;
  private inference: LoadedProgram | undefined;
  private predictor: SlicePredictor | undefined;
  private peakBytes = 0;

  private constructor(
    private readonly device: Device,
    private readonly options: OwnPeerOptions,
    private readonly baseFeatures: number,
    private readonly weights: ReadonlyMap<string, SafetensorsTensor>,
    /** Of the images that steps and forward passes take. */
    private readonly imageShape: readonly number[] | undefined,
  ) {}

  static async start(device: Device, options: OwnPeerOptions, { path, baseFeatures }: PeerStart): Promise<OwnPeer> {
    const tensors = readSafetensors(await readBytes(nodeStorage, path, "tensors"));
    const shape = tensors.get("image")?.shape;
    const weights = new Map([...tensors].filter(([name]) => name !== "image" && name !== "target"));
    return new OwnPeer(device, options, baseFeatures, weights, shape);
  }

  /** Trains so many steps. The loss is read after the time was taken. */
  async step({ times }: Times): Promise<StepAnswer> {
    const workload = await this.prepared();
    this.training ??= await workload.training.load(this.device);
    const { training } = this;
    this.peakBytes = workload.training.peakBytes;
    const milliseconds = await this.timed(() => repeat(training, times, () => workload.step(training)));
    const metrics = (await training.metrics()).at(-1);
    return { milliseconds, loss: metrics?.loss ?? Number.NaN };
  }

  async forward({ times, write }: ForwardRequest): Promise<TimeAnswer> {
    const workload = await this.prepared();
    this.inference ??= await workload.inference.load(this.device);
    const { inference } = this;
    const milliseconds = await this.timed(() => repeat(inference, times, () => inference.run()));
    if (write !== undefined) await writeFile(write, await inference.read("logits"));
    return { milliseconds };
  }

  /** Labels a volume as `lobule segment` does: slices come from a file and labels go to one, some at a time. */
  async volume({ path, shape: [width, height], window, batch, write }: VolumeRequest): Promise<TimeAnswer> {
    const { device, baseFeatures, weights } = this;
    if (this.predictor === undefined) {
      const { precision } = this.options;
      await this.tuned({ baseFeatures, batch, size: Math.max(width, height), precision });
      const description: ModelDescription = {
        version: 1,
        architecture: "UNet",
        network: referenceSpec,
        inputSlices: 1,
        baseFeatures,
        depth: 4,
        classes: ["background", "organ", "tumor"],
        size: null,
        window: [...window],
        preset: null,
      };
      this.predictor = new SlicePredictor(
        device,
        { description, weights, code: undefined },
        { atOnce: batch, precision },
      );
    }
    const { predictor } = this;
    const milliseconds = await this.timed(() => segmentVolume(nodeStorage, predictor, path, write));
    this.peakBytes = device.liveBytes;
    return { milliseconds };
  }

  /** Bytes on the device are those of a training step by the plan's count, or those that labeling a volume takes. */
  memory(): PeerMemory {
    return { peakBytes: this.peakBytes, residentBytes: this.options.residentBytes() };
  }

  private async prepared(): Promise<Workload> {
    if (this.workload !== undefined) return this.workload;
    const [batch, , size] = this.imageShape ?? [];
    if (batch === undefined || size === undefined) {
      throw new BenchError("there is no image to train or predict on; start with a file that holds one");
    }
    const { precision, recompute } = this.options;
    const options = { baseFeatures: this.baseFeatures, batch, size, precision, recompute };
    await this.tuned(options);
    this.workload = makeWorkload({ ...options, kernels: this.device.kernels }, this.weights);
    return this.workload;
  }

  /** Times the kernels of a workload, where that was asked for. */
  private async tuned(options: Omit<WorkloadOptions, "kernels">): Promise<void> {
    const { tune, tuneBudget, precision, log, progress } = this.options;
    if (tune === "off") return;
    const { training, inference } = makeWorkload({ ...options, kernels: this.device.kernels });
    await tuneKernels(this.device, [...training.convolutions, ...inference.convolutions], {
      effort: tune,
      budget: tuneBudget,
      file: undefined,
      precision,
      log,
      progress,
    });
  }

  private async timed(work: () => Promise<unknown>): Promise<number> {
    const { now } = this.options;
    const started = now();
    await work();
    return now() - started;
  }
}
