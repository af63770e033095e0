import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BenchError } from "../bench-error.js";
import type { Effort } from "../tune/tune-kernels.js";
import { type PeerCommand, PeerError } from "./peer-process.js";
import type { PeerMemory } from "./peer-protocol.js";
export const peerNames = ["pytorch", "tensorflow", "jax", "onnxruntime"] as const;
export type PeerName = (typeof peerNames)[number];

/** How PyTorch can be run. */
export const pytorchModes = ["eager", "channels-last", "amp", "amp-channels-last", "compile"] as const;
export type PytorchMode = (typeof pytorchModes)[number];

/** What is to be reached beside a peer. */
export interface PeerGoal {
  /** Our speed in a training step, in times the peer's. */
  readonly speed: number;
  /** The share of the peer's memory that ours is at most: of the process, or of what is on the GPU. */
  readonly memory?: { readonly of: keyof PeerMemory; readonly share: number };
}

/** One way to run a peer. */
export interface PeerVariant {
  readonly name: string;
  readonly peer: PeerName;
  readonly goal: PeerGoal | undefined;
  /** @throws PeerError when it is not there. */
  readonly command: () => PeerCommand;
}

export interface PeerOptions {
  readonly python: string;
  /** Whether ours runs on a GPU: PyTorch then does too. */
  readonly gpu: boolean;
  readonly precision: "f32" | "f16";
  readonly peers: readonly PeerName[];
  /** Those of PyTorch: on a GPU each takes half a minute to find its fastest algorithms. */
  readonly modes: readonly PytorchMode[];
  /** Seconds that an answer may take. */
  readonly limit: number;
  /** Why peers that are not installed could not be. */
  readonly notInstalled?: string | undefined;
}

/** The environment in which glibc's malloc gives PyTorch its best time on a CPU: pages are kept and not returned. */
export const tunedMalloc = {
  MALLOC_MMAP_MAX_: "0",
  MALLOC_TRIM_THRESHOLD_: "17179869184",
  MALLOC_TOP_PAD_: "268435456",
};

const found = (paths: readonly string[]): string | undefined =>
  paths.map((path) => fileURLToPath(new URL(path, import.meta.url))).find((path) => existsSync(path));

const pythonScript = (): string => {
  // In the bundle, and in the package.
  const script = found(["./peers/pytorch.py", "../../peers/pytorch.py"]);
  if (script === undefined) throw new PeerError("the script of the PyTorch peer is missing from this installation");
  return script;
};

/** What a peer in JavaScript needs from the registry: the first is looked for. */
const packageOf = { tensorflow: "@tensorflow/tfjs", jax: "@jax-js/jax", onnxruntime: "onnxruntime-node" } as const;

/** The folder of the peers in JavaScript; none outside the repository. */
export const peersFolder = (): string | undefined => {
  const manifest = found(["../../peers/package.json"]);
  return manifest === undefined ? undefined : dirname(manifest);
};

/** Whether a peer that was asked for is part of this installation, and its package is not there. */
export function needsInstalling(peers: readonly PeerName[]): boolean {
  const folder = peersFolder();
  if (folder === undefined) return false;
  return peers.some((peer) => peer !== "pytorch" && !existsSync(`${folder}/node_modules/${packageOf[peer]}`));
}

const javascriptPeer =
  (peer: keyof typeof packageOf, { limit, notInstalled }: PeerOptions) =>
  (): PeerCommand => {
    const folder = peersFolder();
    if (folder === undefined) throw new PeerError("it is part of the repository, not of this installation");
    if (needsInstalling([peer])) {
      throw new PeerError(notInstalled ?? "not installed; npm ci --ignore-scripts --prefix bench/peers");
    }
    const parameters = [join(folder, `${peer}.mjs`)];
    return { command: process.execPath, parameters, environment: {}, absent: "Node cannot be run", limit };
  };

export interface OwnCommandOptions {
  readonly precision: "f32" | "f16";
  readonly recompute: boolean;
  readonly tune: Effort;
  /** Seconds that the timing of kernels may take. */
  readonly tuneBudget: number;
  readonly limit: number;
}

/** Lobule in a process of its own. */
export const ownCommand = ({ precision, recompute, tune, tuneBudget, limit }: OwnCommandOptions): PeerCommand => ({
  command: process.execPath,
  parameters: [
    ...process.execArgv,
    process.argv[1] ?? "",
    "bench-peer",
    "--precision",
    precision,
    "--tune",
    tune,
    ...(tune === "off" ? [] : ["--tune-budget", `${tuneBudget}`]),
    ...(recompute ? ["--recompute"] : []),
  ],
  environment: {},
  absent: "Node cannot be run",
  limit,
});

/** PyTorch's script in a mode of its own. */
export const pytorchCommand = (
  { python, gpu, limit }: Pick<PeerOptions, "python" | "gpu" | "limit">,
  mode: PytorchMode,
  environment: Readonly<Record<string, string>> = {},
): PeerCommand => ({
  command: python,
  parameters: [pythonScript(), gpu ? "cuda" : "cpu", mode],
  environment,
  limit,
  absent: `${python} cannot be run; name another with --python`,
});

/** What to say where none of the chosen ways is run. */
export const noneOf = ({ modes, gpu }: PeerOptions): BenchError =>
  new BenchError(
    `PyTorch is not run as ${modes.join(" or ")} on a ${gpu ? "GPU" : "CPU"} here; take eager into --modes`,
  );

/**
 * The peers that were asked for, in the order in which they are timed.
 * @throws BenchError when PyTorch is among them and none of its chosen ways is run here.
 */
export function peerVariants(options: PeerOptions): PeerVariant[] {
  const { gpu, precision, peers, modes } = options;
  const pytorch = (
    name: string,
    mode: PytorchMode,
    goal?: PeerGoal,
    environment: Readonly<Record<string, string>> = {},
  ): PeerVariant[] =>
    modes.includes(mode)
      ? [
          {
            name: `PyTorch ${name}`,
            peer: "pytorch",
            goal,
            command: () => pytorchCommand(options, mode, environment),
          },
        ]
      : [];
  // On a GPU the goal is against the variant of the same arithmetic: TF32 beside f32, AMP beside f16.
  const onGpu = (beside: "f32" | "f16"): PeerGoal | undefined =>
    precision === beside ? { speed: 1.5, memory: { of: "peakBytes", share: 0.6 } } : undefined;
  const onCpu = { speed: 0.4 };
  const javascript = (name: string, peer: keyof typeof packageOf, speed?: number): PeerVariant => ({
    name,
    peer,
    command: javascriptPeer(peer, options),
    goal: gpu || speed === undefined ? undefined : { speed, memory: { of: "residentBytes", share: 1 } },
  });
  const all: readonly PeerVariant[] = [
    ...(gpu
      ? [
          ...pytorch("eager TF32", "eager", onGpu("f32")),
          ...pytorch("channels-last TF32", "channels-last"),
          ...pytorch("AMP", "amp", onGpu("f16")),
          ...pytorch("AMP channels-last", "amp-channels-last"),
          ...pytorch("torch.compile TF32", "compile"),
        ]
      : [
          ...pytorch("eager", "eager", onCpu),
          ...pytorch("eager, tuned malloc", "eager", onCpu, tunedMalloc),
          ...pytorch("channels-last, tuned malloc", "channels-last", onCpu, tunedMalloc),
        ]),
    javascript("TensorFlow.js WebGPU", "tensorflow", 15),
    javascript("jax-js WebGPU", "jax", 5),
    javascript("onnxruntime CPU", "onnxruntime"),
  ];
  const chosen = all.filter(({ peer }) => peers.includes(peer));
  if (peers.includes("pytorch") && !chosen.some(({ peer }) => peer === "pytorch")) throw noneOf(options);
  return chosen;
}

/** Names of a list, separated by commas. @throws BenchError when it names something else. */
function parseList<Name extends string>(option: string, known: readonly Name[], list: string): Name[] {
  const names = list.split(",").map((name) => name.trim());
  const isKnown = (name: string): name is Name => (known as readonly string[]).includes(name);
  const unknown = names.find((name) => !isKnown(name));
  if (unknown !== undefined) {
    throw new BenchError(`${option} takes ${known.join(", ")}, separated by commas, not '${unknown}'`);
  }
  return names.filter(isKnown);
}

/** @throws BenchError when the list names something else. */
export const parsePeers = (list: string): PeerName[] => parseList("--peers", peerNames, list);

/** @throws BenchError when the list names something else. */
export const parseModes = (list: string): PytorchMode[] => parseList("--modes", pytorchModes, list);
