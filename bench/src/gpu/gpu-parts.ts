import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { BenchError } from "../bench-error.js";
import { lobule } from "../parts/own-command.js";
import type { Part, Reading } from "../parts/part.js";
import {
  parsed,
  readDoctor,
  readKernels,
  readModel,
  readParity,
  readPeers,
  readTraining,
  readVolume,
} from "../parts/readings.js";

export interface GpuPartsOptions {
  /** Where the parts are run, and their results stay; there already. */
  readonly folder: string;
  /** One that may have PyTorch. */
  readonly python: string;
  /** Sizes and choices that a software adapter does in minutes: a rehearsal, whose figures say nothing. */
  readonly small: boolean;
}

/** How large things are, on a GPU and in a rehearsal. */
const sizes = {
  gpu: {
    size: 512,
    batch: 32,
    rounds: 3,
    slices: 150,
    cases: 32,
    trainBatch: 32,
    filter: [],
    tune: ["--tune", "quick", "--tune-budget", "15"],
  },
  small: {
    size: 32,
    batch: 2,
    rounds: 1,
    slices: 4,
    cases: 4,
    trainBatch: 64,
    filter: ["--filter", "ops/maxpool"],
    tune: [],
  },
} as const;

/** The reference numbers, in the bundle and in the repository. */
function fixtures(): string {
  const paths = ["../fixtures", "../../fixtures"].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = paths.find((path) => existsSync(path));
  if (found === undefined) throw new BenchError("the fixtures of parity are missing from this installation");
  return found;
}

/** Loads PyTorch, so that its files are read before it is timed, and says which it is. */
const loadPyTorch = `
import importlib.util, json
if importlib.util.find_spec("torch") is None:
    print(json.dumps({"version": None, "device": ""}))
else:
    import torch
    cuda = torch.cuda.is_available()
    torch.nn.functional.conv2d(torch.ones(1, 1, 8, 8, device="cuda" if cuda else "cpu"), torch.ones(1, 1, 3, 3, device="cuda" if cuda else "cpu"))
    print(json.dumps({"version": torch.__version__, "device": torch.cuda.get_device_name() if cuda else "CPU"}))
`;

function readPyTorch(text: string): Reading {
  const { version, device } = parsed(z.object({ version: z.string().nullable(), device: z.string() }), text);
  const note = version === null ? "this Python has no PyTorch; Lobule is timed alone" : `PyTorch ${version}, ${device}`;
  return { figures: [], notes: [note] };
}

/** Toggles of Dawn whose cost is measured. */
const toggles = ["disable_robustness", "disable_workgroup_init"] as const;

/** What a rehearsal may take, in times a GPU's limits. */
const patience = 8;
/** For what is not kept, in the folder of the results. */
export const scratchFolder = "scratch";
const [data, cache, run] = [`${scratchFolder}/data`, `${scratchFolder}/slices`, `${scratchFolder}/run`] as const;

type Draft = Omit<Part, "cwd">;
type Sizes = (typeof sizes)[keyof typeof sizes];
type Environment = Readonly<Record<string, string>>;

/** A benchmark that leaves a file. */
function bench(name: string, words: readonly string[], environment: Environment = {}) {
  const file = `${name}.json`;
  return { name, file, command: lobule(["bench", ...words, "--out", file], environment) };
}

const workOf = ({ size, batch, rounds }: Sizes): string[] => [
  ...["--size", `${size}`, "--batch", `${batch}`, "--rounds", `${rounds}`],
];

function parityPart(name: string, title: string, { filter }: Sizes, words: readonly string[]): Draft {
  const command = lobule(["parity", fixtures(), "--json", ...filter, ...words]);
  return { name, title, command, limit: 75, read: readParity };
}

interface PeersPart {
  readonly features: 8 | 16;
  readonly precision: "f32" | "f16";
  /** PyTorch's ways to run beside that, all of them on a GPU. */
  readonly modes: string;
  readonly limit: number;
}

function peersPart({ features, precision, modes, limit }: PeersPart, { python, small }: GpuPartsOptions): Draft {
  const choice = small ? sizes.small : sizes.gpu;
  // On a CPU there is no AMP: a rehearsal takes what there is.
  const ways = small ? "eager,channels-last" : modes;
  const what = ["--preset", features === 8 ? "liver" : "vessel", "--precision", precision];
  const others = ["--peers", "pytorch", "--modes", ways, "--python", python, "--peer-limit", "60"];
  return {
    ...bench(`peers-${features}-${precision}`, ["peers", ...what, ...workOf(choice), ...others, ...choice.tune]),
    title: `A step and a forward pass of ${features} base features in ${precision} beside PyTorch`,
    limit,
    read: readPeers,
  };
}

const modelPart = (
  name: string,
  title: string,
  choice: Sizes,
  words: readonly string[] = [],
  environment: Environment = {},
): Draft => ({
  ...bench(name, ["model", ...workOf(choice), ...words], environment),
  title,
  limit: 20,
  watchesCard: true,
  read: readModel,
});

/** Whether the adapter computes rightly, and what other parts need. */
function preparingParts({ python }: GpuPartsOptions, choice: Sizes): Draft[] {
  const { size, cases } = choice;
  return [
    {
      name: "doctor",
      title: "The adapter, and whether it computes rightly",
      command: lobule(["doctor", "--json"]),
      limit: 30,
      read: readDoctor,
    },
    parityPart("parity-f32", "Parity in f32", choice, []),
    parityPart("parity-f16", "Parity in f16", choice, ["--precision", "f16"]),
    parityPart("parity-unfused", "Parity without fusion", choice, ["--unfused"]),
    {
      name: "data",
      title: "Scans to train on",
      command: lobule(["large-task", data, "--task", "vessel", "--cases", `${cases}`, "--size", `${size}`]),
      limit: 60,
      read: () => ({ figures: [], notes: [] }),
    },
    {
      name: "pytorch",
      title: "PyTorch",
      command: { name: "python", file: python, start: ["-c", loadPyTorch], words: [] },
      limit: 60,
      read: readPyTorch,
    },
  ];
}

function trainPart({ size, cases, trainBatch }: Sizes, small: boolean): Draft {
  const folders = ["--data", data, "--out", run, "--cache", cache];
  const settings = ["--epochs", "2", "--batch", `${trainBatch}`, "--window", "-160", "240"];
  const network = small ? ["--base-features", "1"] : [];
  return {
    name: "train",
    needs: "data",
    title: `Two epochs of lobule train on ${cases} synthetic cases of ${size}²`,
    command: lobule(["train", ...folders, ...settings, ...network, "--json"]),
    limit: 40,
    read: readTraining,
  };
}

function volumePart({ size, slices, rounds }: Sizes, python: string): Draft {
  const work = ["--size", `${size}`, "--slices", `${slices}`, "--rounds", `${rounds}`];
  return {
    ...bench("volume", ["volume", ...work, "--modes", "eager", "--python", python, "--peer-limit", "60"]),
    title: `Inference of a volume of ${size}×${size}×${slices}`,
    limit: 60,
    read: readVolume,
  };
}

/**
 * What is to be known of a GPU that is at hand for minutes, what matters most first. The parts of the first group run at the
 * same time; every other has the machine for itself.
 */
export function gpuParts(options: GpuPartsOptions): Part[][] {
  const { folder, python, small } = options;
  const choice: Sizes = small ? sizes.small : sizes.gpu;
  const alone: Draft[] = [
    {
      ...bench("kernels", ["kernels", ...workOf(choice), ...choice.tune, "--svg", "roofline.svg"]),
      title: "Kernels of a training step of 8 base features against the roof",
      limit: 45,
      read: readKernels,
    },
    peersPart({ features: 8, precision: "f32", modes: "eager,channels-last", limit: 80 }, options),
    peersPart({ features: 8, precision: "f16", modes: "amp-channels-last", limit: 50 }, options),
    modelPart("memory-f32", "A step and its memory on the card, f32, kernels as they come", choice),
    trainPart(choice, small),
    volumePart(choice, python),
    ...toggles.map((toggle) =>
      modelPart(`toggle-${toggle}`, `A step with Dawn's ${toggle}`, choice, [], { LOBULE_DAWN_TOGGLES: toggle }),
    ),
    modelPart("memory-f16", "A step and its memory on the card, f16", choice, ["--precision", "f16"]),
    modelPart("memory-recompute", "A step and its memory on the card, rematerialized", choice, ["--recompute"]),
    peersPart({ features: 16, precision: "f32", modes: "eager,channels-last", limit: 80 }, options),
    peersPart({ features: 16, precision: "f16", modes: "amp-channels-last", limit: 50 }, options),
  ];
  const times = small ? patience : 1;
  return [preparingParts(options, choice), ...alone.map((part) => [part])].map((group) =>
    group.map((part) => ({ ...part, limit: times * part.limit, cwd: folder })),
  );
}
