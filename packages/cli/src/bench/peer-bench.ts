import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type Device, type SafetensorsTensor, writeSafetensors } from "@lobule/tensor";
import { PeerError, type PeerMemory, PeerProcess } from "./peer-process.js";
import type { PeerVariant } from "./peer-variants.js";
import { interleaved, type Timing } from "./timing.js";
import { loadBoth, once, type Workload } from "./workload.js";

/** What one peer did, beside ours in the same run. */
export interface PeerResult {
  readonly name: string;
  readonly description: string;
  readonly step: Timing;
  readonly forward: Timing;
  /** Largest relative difference of the loss from ours, over the first steps. */
  readonly lossDifference: number;
  /** How many times our speed ought to be of its own in training, on a software adapter. */
  readonly goal: number;
  readonly memory: PeerMemory;
}

export interface PeerBenchResult {
  readonly ours: { readonly step: Timing; readonly forward: Timing; readonly peakBytes: number };
  /** Most memory of the process that ran ours, this benchmark included; bytes. */
  readonly residentBytes: number;
  readonly peers: readonly PeerResult[];
  /** Peers that could not run, each with the reason. */
  readonly absent: readonly { readonly name: string; readonly why: string }[];
}

export interface PeerBenchOptions {
  readonly variants: readonly PeerVariant[];
  readonly rounds: number;
  /** Most memory of this process so far, bytes. */
  readonly residentBytes: () => number;
  /** Milliseconds. */
  readonly now: () => number;
  readonly onPeer: (name: string) => void;
}

/** Steps whose losses are compared before anything is timed. */
const compared = 3;
/** A loss that is further off than this comes from other work, whatever the precision. */
const largestDifference = 0.02;

/**
 * Times our step and those of others from the same start values on the same batch, in turn.
 * @throws PeerError when a peer's losses show that it does other work.
 */
export async function benchPeers(
  device: Device,
  workload: Workload,
  { variants, rounds, residentBytes, now, onPeer }: PeerBenchOptions,
): Promise<PeerBenchResult> {
  const { network, image, target, options, learningRate } = workload;
  const folder = await mkdtemp(join(tmpdir(), "lobule-bench-"));
  const path = join(folder, "start.safetensors");
  const { batch, size, baseFeatures } = options;
  const entries = new Map<string, SafetensorsTensor>([
    ...(await network.stateDict()),
    ["image", { dtype: "F32", shape: [batch, 1, size, size], data: image }],
    ["target", { dtype: "I32", shape: [batch, size, size], data: Int32Array.from(target) }],
  ]);
  await writeFile(path, writeSafetensors(entries));
  const { training, inference } = await loadBoth(device, workload);
  const running: { variant: PeerVariant; peer: PeerProcess; lossDifference: number }[] = [];
  const absent: { name: string; why: string }[] = [];
  try {
    for (let i = 0; i < compared; i++) await workload.step(training);
    const losses = (await training.metrics()).map(({ loss }) => loss ?? Number.NaN);
    for (const variant of variants) {
      onPeer(variant.name);
      try {
        const start = { path, baseFeatures, learningRate, threads: availableParallelism() };
        const peer = await PeerProcess.start(variant.command(), start);
        let lossDifference = 0;
        for (const ours of losses) {
          const { loss } = await peer.step();
          lossDifference = Math.max(lossDifference, Math.abs(loss - ours) / Math.abs(ours));
        }
        if (!(lossDifference < largestDifference)) {
          peer.kill();
          throw new PeerError(
            `its losses differ from ours by ${(100 * lossDifference).toPrecision(2)} %: it does not do the same work`,
          );
        }
        running.push({ variant, peer, lossDifference });
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
        absent.push({ name: variant.name, why: error.message });
      }
    }
    onPeer("all, in turn");
    const shape = `${batch}×${size}²`;
    const timed = await interleaved(
      [
        { name: `Lobule, training step ${shape}`, run: once(training, () => workload.step(training)) },
        { name: `Lobule, forward pass ${shape}`, run: once(inference, () => inference.run(workload.inputs)) },
        ...running.flatMap(({ variant, peer }) => [
          { name: `${variant.name}, training step ${shape}`, run: async () => (await peer.step()).milliseconds },
          { name: `${variant.name}, forward pass ${shape}`, run: async () => (await peer.forward()).milliseconds },
        ]),
      ],
      rounds,
      now,
    );
    const [ours, ...others] = Array.from({ length: timed.length / 2 }, (_, i) => ({
      step: timed[2 * i] as Timing,
      forward: timed[2 * i + 1] as Timing,
    }));
    const peers: PeerResult[] = [];
    for (const [i, { variant, peer, lossDifference }] of running.entries()) {
      const { description } = peer;
      const { name, goal } = variant;
      const times = others[i] as (typeof others)[number];
      peers.push({ name, goal, description, ...times, lossDifference, memory: await peer.end() });
    }
    const measured = { ...(ours as (typeof others)[number]), peakBytes: training.program.peakBytes };
    return { ours: measured, residentBytes: residentBytes(), peers, absent };
  } finally {
    for (const { peer } of running) peer.kill();
    training.destroy();
    inference.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}
