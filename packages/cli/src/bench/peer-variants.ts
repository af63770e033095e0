import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BenchError } from "./bench-error.js";
import { type PeerCommand, PeerError } from "./peer-process.js";

export const peerNames = ["pytorch", "tensorflow", "jax"] as const;
export type PeerName = (typeof peerNames)[number];

/** One way to run a peer. */
export interface PeerVariant {
  readonly name: string;
  readonly peer: PeerName;
  /** How many times our speed ought to be of its own in training, on a software adapter. */
  readonly goal: number;
  /** @throws PeerError when it is not there. */
  readonly command: () => PeerCommand;
}

export interface PeerOptions {
  readonly python: string;
  readonly cuda: boolean;
  readonly peers: readonly PeerName[];
  /** Seconds that an answer may take. */
  readonly limit: number;
}

/** The environment in which glibc's malloc gives PyTorch its best time on a CPU: pages are kept and not returned. */
const tunedMalloc = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: "17179869184",
  MALLOC_TOP_PAD_: "268435456",
};

const found = (paths: readonly string[]): string | undefined =>
  paths.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));

const pythonScript = (): string => {
  // Beside the sources, and in the bundle.
  const script = found(["../../peers/pytorch.py", "../peers/pytorch.py", "./peers/pytorch.py"]);
  if (script === undefined) throw new PeerError("the script of the PyTorch peer is missing from this installation");
  return script;
};

const javascriptPeer = (file: string, limit: number) => (): PeerCommand => {
  const script = found([`../../../../bench/peers/${file}`]);
  if (script === undefined) throw new PeerError("it is part of the repository, not of this installation");
  if (found(["../../../../bench/peers/node_modules"]) === undefined) {
    throw new PeerError("not installed; npm ci --ignore-scripts --prefix bench/peers");
  }
  return { command: process.execPath, parameters: [script], environment: {}, absent: "Node cannot be run", limit };
};

/** The peers that were asked for, in the order in which they are timed. */
export function peerVariants({ python, cuda, peers, limit }: PeerOptions): PeerVariant[] {
  const pytorch = (name: string, mode: string, environment: Readonly<Record<string, string>> = {}): PeerVariant => ({
    ...{ name: `PyTorch ${name}`, peer: "pytorch", goal: 0.4 },
    command: () => ({
      ...{ command: python, parameters: [pythonScript(), cuda ? "cuda" : "cpu", mode], environment, limit },
      absent: `${python} cannot be run; name another with --python`,
    }),
  });
  const all: readonly PeerVariant[] = [
    ...(cuda
      ? [
          pytorch("eager TF32", "eager"),
          pytorch("channels-last TF32", "channels-last"),
          pytorch("AMP", "amp"),
          pytorch("torch.compile TF32", "compile"),
        ]
      : [
          pytorch("eager", "eager"),
          pytorch("eager, tuned malloc", "eager", tunedMalloc),
          pytorch("channels-last, tuned malloc", "channels-last", tunedMalloc),
        ]),
    {
      ...{ name: "TensorFlow.js WebGPU", peer: "tensorflow", goal: 15 },
      command: javascriptPeer("tensorflow.mjs", limit),
    },
    { ...{ name: "jax-js WebGPU", peer: "jax", goal: 5 }, command: javascriptPeer("jax.mjs", limit) },
  ];
  return all.filter(({ peer }) => peers.includes(peer));
}

/** @throws BenchError when the list names something else. */
export function parsePeers(list: string): PeerName[] {
  const names = list.split(",").map((name) => name.trim());
  const isPeer = (name: string): name is PeerName => (peerNames as readonly string[]).includes(name);
  const unknown = names.find((name) => !isPeer(name));
  if (unknown !== undefined) {
    throw new BenchError(`--peers takes ${peerNames.join(", ")}, separated by commas, not '${unknown}'`);
  }
  return names.filter(isPeer);
}
