import { statfs, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createNiftiSliceWriter, readBytes } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { type SafetensorsTensor, writeSafetensors } from "@lobule/tensor";
import { BenchError } from "./bench-error.js";
import { type AbsentPeer, naming } from "./peers/peer-bench.js";
import { type PeerCommand, PeerError, PeerProcess } from "./peers/peer-process.js";
import type { PeerMemory, VolumeRequest } from "./peers/peer-protocol.js";
import { TemporaryFolder } from "./temporary-folder.js";
import { interleaved, type Rounds, type Timing } from "./timing.js";
import { learningRate } from "./workload.js";

/** A way to label a volume. */
export interface VolumeVariant {
  readonly name: string;
  /** Slices at once. */
  readonly batch: number;
  /** @throws PeerError when it is not there. */
  readonly command: () => PeerCommand;
}

export interface VolumeResult {
  readonly name: string;
  readonly description: string;
  readonly timing: Timing;
  readonly memory: PeerMemory;
}

export interface VolumePeerResult extends VolumeResult {
  /** Share of the voxels that have the same label as ours. */
  readonly equal: number;
}

export interface VolumeBenchResult {
  readonly slices: number;
  /** Share of the voxels that are not background in our labels. */
  readonly foreground: number;
  readonly ours: VolumeResult;
  readonly peers: readonly VolumePeerResult[];
  readonly absent: readonly AbsentPeer[];
}

export interface VolumeWork {
  readonly baseFeatures: number;
  /** Values of the network by name. */
  readonly weights: ReadonlyMap<string, SafetensorsTensor>;
  readonly size: number;
  readonly slices: number;
}

export interface VolumeBenchOptions extends Rounds {
  readonly own: VolumeVariant;
  readonly variants: readonly VolumeVariant[];
  readonly onPeer: (name: string) => void;
}

/** Our speed in labeling a volume, in times that of PyTorch's loop. */
export const volumeGoal = 3;

/** HU that become 0 and 1. */
const window = [-100, 300] as const;
/** Where voxels begin in a NIfTI file without extensions, bytes. */
const voxelOffset = 352;

/**
 * Times how long it takes to label a volume, from a file of int16 to a byte a voxel, in turn with others.
 * @throws BenchError when ours cannot run, or a peer fails in between.
 */
export async function benchVolume(
  { baseFeatures, weights, size, slices }: VolumeWork,
  { own, variants, onPeer, ...rounds }: VolumeBenchOptions,
): Promise<VolumeBenchResult> {
  const temporary = await TemporaryFolder.make("lobule-bench-");
  const folder = temporary.path;
  const running: Running[] = [];
  const absent: AbsentPeer[] = [];
  const starting: Promise<PeerProcess>[] = [];
  try {
    await requireFree(folder, { size, slices }, 1 + variants.length);
    const [start, path] = [join(folder, "start.safetensors"), join(folder, "scan.nii")];
    await writeFile(start, writeSafetensors(weights));
    await writeScan(path, size, slices);
    const threads = availableParallelism();
    // What they load they load beside one another: where there is a GPU that takes PyTorch long.
    starting.push(
      ...[own, ...variants].map(async ({ command }) =>
        PeerProcess.start(command(), { path: start, baseFeatures, learningRate, threads }),
      ),
    );
    // A failure is told when its turn comes.
    for (const each of starting) each.catch(() => undefined);
    const begin = async ({ name, batch }: VolumeVariant, i: number): Promise<void> => {
      onPeer(name);
      const peer = (await starting[i]) as PeerProcess;
      const write = join(folder, `labels-${i}.nii`);
      const request = { path, offset: voxelOffset, shape: [size, size, slices] as const, window, batch, write };
      running.push({ name, peer, request });
    };
    await naming(own.name, () => begin(own, 0));
    for (const [i, variant] of variants.entries()) {
      try {
        await begin(variant, i + 1);
      } catch (error) {
        if (!(error instanceof PeerError)) throw error;
        absent.push({ name: variant.name, why: error.message });
      }
    }
    onPeer("all, in turn");
    const timings = await interleaved(
      running.map(({ name, peer, request }) => ({
        name: `${name}, volume ${size}²×${slices}`,
        run: async () => (await naming(name, () => peer.volume(request))).milliseconds,
      })),
      rounds,
    );
    const { results, foreground } = await resultsOf(running, timings, size ** 2 * slices);
    const [ours, ...peers] = results as [VolumePeerResult, ...VolumePeerResult[]];
    return { slices, foreground, ours, peers, absent };
  } finally {
    for (const each of await Promise.allSettled(starting)) if (each.status === "fulfilled") each.value.kill();
    await temporary.remove();
  }
}

/** @throws BenchError when a scan and so many maps of its labels do not fit into it. */
async function requireFree(
  folder: string,
  { size, slices }: Pick<VolumeWork, "size" | "slices">,
  maps: number,
): Promise<void> {
  const needed = size ** 2 * slices * (2 + maps);
  const { blocks, bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  // A file system that says nothing of its size has no blocks.
  if (blocks === 0 || needed <= free) return;
  throw new BenchError(
    `a volume of ${size}×${size}×${slices} voxels and its labels take ${Math.ceil(needed / 2 ** 20)} MiB in ${folder}, and ${Math.floor(free / 2 ** 20)} MiB are free; lower --slices or --size`,
  );
}

/** A process that labels the volume, and what it is asked. */
interface Running {
  readonly name: string;
  readonly peer: PeerProcess;
  readonly request: VolumeRequest;
}

/** What each made of the volume beside the first, and the first one's share of foreground; ends the processes. */
async function resultsOf(running: readonly Running[], timings: readonly Timing[], voxels: number) {
  let expected = new Uint8Array();
  const results: VolumePeerResult[] = [];
  for (const [i, { name, peer, request }] of running.entries()) {
    const labels = (await readBytes(nodeStorage, request.write, "tensors")).subarray(-voxels);
    if (i === 0) expected = labels;
    const equal = shareOf(labels, (label, at) => label === expected[at]);
    const { description } = peer;
    results.push({ name, description, timing: timings[i] as Timing, memory: await peer.end(), equal });
  }
  return { results, foreground: shareOf(expected, (label) => label !== 0) };
}

const shareOf = (labels: Uint8Array, is: (label: number, at: number) => boolean): number =>
  labels.reduce((count, label, at) => count + Number(is(label, at)), 0) / labels.length;

/** A scan with something to find: a bright ellipsoid with a dark one inside, in a wavy field. */
async function writeScan(path: string, size: number, slices: number): Promise<void> {
  const affine = [
    [0.8, 0, 0, 0],
    [0, 0.8, 0, 0],
    [0, 0, 2, 0],
  ] as const;
  const grid = { shape: [size, size, slices], spacing: [0.8, 0.8, 2], affine } as const;
  const writer = createNiftiSliceWriter(nodeStorage, path, { grid, datatype: "int16" });
  const [low, high] = window;
  for (let z = 0; z < slices; z++) {
    const slice = Int16Array.from({ length: size ** 2 }, (_, at) => {
      const [x, y] = [at % size, Math.floor(at / size)];
      const away = (u: number, v: number): number => Math.hypot(x / size - u, y / size - v, (z + 0.5) / slices - 0.5);
      const value = away(0.35, 0.45) < 0.1 ? 0.45 : away(0.4, 0.5) < 0.4 ? 0.7 : 0.3;
      return low + (high - low) * (value + 0.2 * Math.sin(0.37 * x + z) * Math.cos(0.23 * y));
    });
    await writer.write(slice);
  }
  await writer.finish();
}
