import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type SafetensorsTensor, writeSafetensors } from "@lobule/tensor";
import { BenchError } from "../bench-error.js";
import { TemporaryFolder } from "../temporary-folder.js";
import { interleaved, type Rounds, type Timing } from "../timing.js";
import { learningRate, pictures, startValues } from "../workload.js";
import { readFloats, relativeDifference, requireSame } from "./peer-difference.js";
import { type PeerCommand, PeerError, PeerProcess } from "./peer-process.js";
import type { PeerMemory, TimeAnswer } from "./peer-protocol.js";
import type { PeerGoal, PeerVariant } from "./peer-variants.js";

/** What one peer did. */
export interface PeerTimes {
  readonly name: string;
  readonly description: string;
  /** Nothing where it does not train. */
  readonly step: Timing | null;
  readonly forward: Timing;
  readonly memory: PeerMemory;
}

/** A peer beside ours in the same run. */
export interface PeerResult extends PeerTimes {
  /** Largest relative difference of the loss from ours, over the first steps. */
  readonly lossDifference: number | null;
  /** Relative difference of all logits of the first forward pass. */
  readonly logitsDifference: number;
  readonly goal: PeerGoal | undefined;
}

export interface PeerBenchResult {
  readonly ours: PeerTimes & { readonly step: Timing };
  readonly peers: readonly PeerResult[];
  /** Peers that could not run, each with the reason. */
  readonly absent: readonly AbsentPeer[];
}

export interface AbsentPeer {
  readonly name: string;
  readonly why: string;
}

export interface PeerBenchOptions extends Rounds {
  readonly own: PeerCommand;
  readonly variants: readonly PeerVariant[];
  readonly onPeer: (name: string) => void;
}

/** Steps whose losses are compared before anything is timed. */
const compared = 3;

/** What the network is started from and run on. */
export interface PeerWork {
  readonly baseFeatures: number;
  readonly batch: number;
  readonly size: number;
}

/** A peer that runs, and what was seen of it before the timing. */
interface Running {
  readonly variant: PeerVariant;
  readonly peer: PeerProcess;
  readonly lossDifference: number | null;
  readonly logitsDifference: number;
}

/**
 * Times our step and those of others from the same start values on the same batch, in turn, each in a process of its
 * own.
 * @throws BenchError when ours cannot run.
 */
export async function benchPeers(
  work: PeerWork,
  { own, variants, onPeer, ...rounds }: PeerBenchOptions,
): Promise<PeerBenchResult> {
  const temporary = await TemporaryFolder.make("lobule-bench-");
  const folder = temporary.path;
  const processes: PeerProcess[] = [];
  const starting: Promise<PeerProcess>[] = [];
  const absent: AbsentPeer[] = [];
  try {
    const path = join(folder, "start.safetensors");
    await writeStart(path, work);
    const { baseFeatures, batch, size } = work;
    const start = async (command: PeerCommand): Promise<PeerProcess> => {
      const threads = availableParallelism();
      const peer = await PeerProcess.start(command, { path, baseFeatures, learningRate, threads });
      processes.push(peer);
      return peer;
    };
    onPeer("Lobule");
    const [ours, expected] = await naming("Lobule", async () => {
      const peer = await start(own);
      return [peer, await firstResults(peer, folder)] as const;
    });
    const running: Running[] = [];
    // What a peer loads it loads beside the others: where there is a GPU that takes it long. What it does first after
    // that, to find its fastest algorithms, it does alone.
    starting.push(...variants.map(async ({ command }) => start(command())));
    // A failure is told when its turn comes.
    for (const each of starting) each.catch(() => undefined);
    for (const [i, variant] of variants.entries()) {
      onPeer(variant.name);
      try {
        const peer = (await starting[i]) as PeerProcess;
        running.push({ variant, peer, ...differences(await firstResults(peer, folder), expected) });
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
        absent.push({ name: variant.name, why: error.message });
      }
    }
    for (const peer of processes) {
      if (peer !== ours && !running.some((each) => each.peer === peer)) peer.kill();
    }
    onPeer("all, in turn");
    const timed = await timeAll([{ name: "Lobule", peer: ours }, ...named(running)], `${batch}×${size}²`, rounds);
    const [first, ...others] = timed;
    if (first === undefined || first.step === null) throw new BenchError("no step of ours was timed");
    const peers: PeerResult[] = [];
    for (const [i, { variant, lossDifference, logitsDifference }] of running.entries()) {
      peers.push({ ...(others[i] as PeerTimes), lossDifference, logitsDifference, goal: variant.goal });
    }
    return { ours: { ...first, step: first.step }, peers, absent };
  } finally {
    await Promise.allSettled(starting);
    for (const peer of processes) peer.kill();
    await temporary.remove();
  }
}

/** Writes start values and the batch to where peers read them. */
async function writeStart(path: string, { baseFeatures, batch, size }: PeerWork): Promise<void> {
  const { image, target } = pictures({ batch, size });
  const entries = new Map<string, SafetensorsTensor>([
    ...(await startValues(baseFeatures)),
    ["image", { dtype: "F32", shape: [batch, 1, size, size], data: image }],
    ["target", { dtype: "I32", shape: [batch, size, size], data: Int32Array.from(target) }],
  ]);
  await writeFile(path, writeSafetensors(entries));
}

/** What a peer computes first: logits of the start values, then the losses of some steps, none where it does not train. */
interface FirstResults {
  readonly logits: Float32Array;
  readonly losses: readonly number[];
}

async function firstResults(peer: PeerProcess, folder: string): Promise<FirstResults> {
  const write = join(folder, "logits");
  await peer.forward({ times: 1, write });
  const losses: number[] = [];
  for (let i = 0; peer.trains && i < compared; i++) losses.push((await peer.step()).loss);
  return { logits: await readFloats(write), losses };
}

/** How far results are from ours. @throws PeerError when the peer does other work. */
function differences({ logits, losses }: FirstResults, ours: FirstResults) {
  const logitsDifference = relativeDifference(ours.logits, logits);
  requireSame("logits", logitsDifference);
  const off = losses.map((loss, i) => Math.abs(loss / (ours.losses[i] ?? Number.NaN) - 1));
  const lossDifference = off.length > 0 ? Math.max(...off) : null;
  if (lossDifference !== null) requireSame("losses", lossDifference);
  return { lossDifference, logitsDifference };
}

/** Runs something of a peer's that must not fail. @throws BenchError that names the peer when it does. */
export async function naming<Result>(name: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof PeerError ? new BenchError(`${name}: ${error.message}`) : error;
  }
}

const named = (running: readonly Running[]) => running.map(({ variant: { name }, peer }) => ({ name, peer }));

/** Times steps and forward passes in turn, and ends the processes. */
async function timeAll(
  all: readonly { readonly name: string; readonly peer: PeerProcess }[],
  shape: string,
  rounds: Rounds,
): Promise<PeerTimes[]> {
  const timed = (name: string, run: (times: number) => Promise<TimeAnswer>) => ({
    name,
    run: async (times: number) => (await naming(name, () => run(times))).milliseconds,
  });
  const subjects = all.flatMap(({ name, peer }) => [
    ...(peer.trains ? [timed(`${name}, training step ${shape}`, (times) => peer.step(times))] : []),
    timed(`${name}, forward pass ${shape}`, (times) => peer.forward({ times })),
  ]);
  const timings = await interleaved(subjects, rounds);
  const times: PeerTimes[] = [];
  for (const { name, peer } of all) {
    const step = peer.trains ? (timings.shift() ?? null) : null;
    const forward = timings.shift() as Timing;
    times.push({ name, description: peer.description, step, forward, memory: await peer.end() });
  }
  return times;
}
