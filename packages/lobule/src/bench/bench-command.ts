import {
  type BenchDisplay,
  BenchError,
  type BenchFile,
  type Benchmark,
  type BenchRequest,
  benchmarks,
  busyNow,
  changeTable,
  checkComparable,
  chosenVariants,
  compareFiles,
  type EarlierFile,
  efforts,
  findPython,
  type IsaFamily,
  installPeers,
  isaFamilies,
  needsInstalling,
  type Outcome,
  type PeerName,
  type PeerOptions,
  parseModes,
  parsePeers,
  peerNames,
  peersFolder,
  pytorchModes,
  readBenchFile,
  runBenchmark,
  settingsOf,
} from "@lobule/bench";
import { writeFileAtomically } from "@lobule/data";
import { type AdapterChoice, adapterChoice, nodeStorage } from "@lobule/node";
import { type Device, PlanError } from "@lobule/tensor";
import { command, type Values } from "../command-line/command.js";
import { choice, flag, list, number, path, text, whole, withDefault } from "../command-line/option.js";
import { environmentOf } from "../shared/environment.js";
import { endedAtOnce } from "../shared/interruption.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say, sayText, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { requireAlone } from "../train/ranks.js";
import { benchIsaCommand } from "./bench-isa.js";
import { benchScaleCommand } from "./bench-scale.js";

const positionals = {
  what: withDefault(
    choice(
      ["all", ...benchmarks, "isa", "scale"],
      "each kernel beside the roofline, a step and a forward pass, both beside others, a whole volume, all of these, what a GPU's compiler makes of the kernels, or what several processes cost",
    ),
    "all",
  ),
};
const options = {
  preset: withDefault(choice(["liver", "vessel"], "recipe to time: liver has 8 base features, vessel 16"), "liver"),
  size: whole("side of a slice, a multiple of 16 [128; 512 on a GPU and for volumes]", { least: 16, multipleOf: 16 }),
  batch: whole("slices at once [4; on a GPU 32, for volumes 16]", { least: 1 }),
  slices: whole("slices of the volume that is segmented [150]", { least: 1 }),
  precision: withDefault(choice(["f32", "f16"], "type in which activations are stored"), "f32"),
  recompute: flag("rematerialize cheap activations in a training step"),
  "step-ms": number("scale: milliseconds of a step, in place of measuring one here", { above: 0 }),
  "local-ms": list(
    number("scale: milliseconds of reading and writing a step in a rank, and of adding a bucket of one part", {
      least: 0,
    }),
    2,
  ),
  rounds: whole("how often each thing is timed [9; 3 for volumes]", { least: 1 }),
  steps: withDefault(whole("model: watch memory and time over so many steps", { least: 0 }), 0),
  tune: withDefault(choice(efforts, "time the kernels' variants first, use the fastest"), "off"),
  "tune-budget": withDefault(number("seconds that --tune may take", { above: 0 }, { needs: "tune" }), 60),
  python: path("a Python that has PyTorch [searched for]", "input", "FILE"),
  peers: text(`peers: which, joined by commas [all: ${peerNames.join(", ")}]`, "NAMES"),
  modes: text(`PyTorch's ways to run, joined by commas [all: ${pytorchModes.join(", ")}]`, "NAMES"),
  "peer-limit": withDefault(number("seconds that a peer's answer may take", { above: 0 }), 900),
  family: withDefault(
    choice(
      Object.keys(isaFamilies) as IsaFamily[],
      "isa: the AMD GPU that kernels are compiled for; it need not be there",
    ),
    "navi31",
  ),
  variant: choice(chosenVariants, "isa: take this variant of each convolution that has it"),
  out: path("write the result as JSON", "file", "FILE"),
  svg: path("kernels and peers: write the result as a picture", "file", "FILE"),
  compare: path(
    "an earlier --out file; exit code 1 if slower beyond noise, for isa by more cycles or spills",
    "input",
    "FILE",
  ),
  device: deviceOption,
};
type BenchArguments = Values<typeof positionals & typeof options>;

export const benchCommand = command({
  name: "bench",
  describe: "Time kernels, the model, and other frameworks beside it",
  positionals,
  options,
  together: true, // where it is `bench scale`
  run: bench,
  examples: [
    ["bench", "all of them, in sizes that suit the adapter"],
    ["bench kernels --svg roofline.svg", "where the time of a step goes"],
    ["bench model --steps 200", "does anything grow?"],
    ["bench peers --size 256", "beside PyTorch, TensorFlow.js, jax-js, onnxruntime"],
    ["bench volume --slices 40", "inference beside PyTorch"],
    ["bench scale --step-ms 52.9", "what more GPUs would give, by a step of one"],
    ["bench isa --family gfx12", "registers, instructions and estimated cycles on a GPU that is not there"],
  ],
});

/** The benchmarks on which options have an effect, of those that have it on some only. */
const effects: Readonly<Partial<Record<keyof typeof options, readonly BenchArguments["what"][]>>> = {
  slices: ["volume", "all"],
  recompute: ["kernels", "model", "peers", "isa"],
  rounds: [...benchmarks, "all", "scale"],
  "step-ms": ["scale"],
  "local-ms": ["scale"],
  tune: [...benchmarks, "all"],
  family: ["isa"],
  variant: ["isa"],
  steps: ["model", "all"],
  python: ["peers", "volume", "all"],
  peers: ["peers", "all"],
  modes: ["peers", "volume", "all"],
  "peer-limit": ["peers", "volume", "all"],
  svg: ["kernels", "peers"],
  out: [...benchmarks, "all", "isa"],
  compare: [...benchmarks, "all", "isa"],
  device: [...benchmarks, "all", "scale"],
};

/** @throws BenchError when options have no effect together. */
function check({ what, peers, modes }: BenchArguments, given: ReadonlySet<string>): void {
  if (peers !== undefined) parsePeers(peers);
  if (modes !== undefined) parseModes(modes);
  for (const [option, benchmarksOf] of Object.entries(effects)) {
    const all: readonly string[] = benchmarksOf;
    if (!given.has(option) || all.includes(what)) continue;
    throw new BenchError(
      `--${option} has no effect on 'bench ${what}'; it is for ${all.map((each) => `'bench ${each}'`).join(", ")}`,
    );
  }
}

/** The peers that are asked for. Running everything leaves jax-js out, which compiles for minutes at first. */
function peersOf({ what, peers }: BenchArguments): readonly PeerName[] {
  if (peers !== undefined) return parsePeers(peers);
  return what === "all" ? peerNames.filter((name) => name !== "jax") : peerNames;
}

async function peerOptions(args: BenchArguments, { kind }: AdapterChoice): Promise<PeerOptions> {
  const { what, precision, peerLimit: limit } = args;
  const peers = peersOf(args);
  let notInstalled: string | undefined;
  const folder = peersFolder();
  if ((what === "all" || what === "peers") && folder !== undefined && needsInstalling(peers)) {
    say("installing the peers into bench/peers (npm ci, once) …");
    notInstalled = await installPeers(folder);
    if (notInstalled !== undefined) say(`  ${notInstalled}`);
  }
  const modes = args.modes === undefined ? pytorchModes : parseModes(args.modes);
  return { python: args.python ?? findPython(), gpu: kind === "gpu", precision, peers, modes, limit, notInstalled };
}

const display: BenchDisplay = {
  log: (line) => say(line),
  onPeer: (name) => {
    if (process.stderr.isTTY) warn(`${name} …`);
  },
  progress: () => progress("timing kernels"),
};

async function bench(args: BenchArguments, given: ReadonlySet<string>): Promise<void> {
  check(args, given);
  if (args.what !== "scale") requireAlone(`bench ${args.what}`);
  const { what } = args;
  if (what === "scale") await benchScaleCommand(args);
  else await endedAtOnce(() => (what === "isa" ? benchIsaCommand(args) : benchDevice({ ...args, what })));
}

type DeviceArguments = BenchArguments & { readonly what: Benchmark | "all" };

/** The benchmarks that run on an adapter. */
async function benchDevice(args: DeviceArguments): Promise<void> {
  const { what, preset, precision, recompute, steps, tune, tuneBudget, out, svg, compare } = args;
  const before = compare === undefined ? undefined : await readBenchFile(compare);
  const device = await openDevice();
  try {
    const choice = await adapterChoice();
    const compared = { preset, precision, recompute };
    if (before !== undefined && compare !== undefined) {
      checkComparable(before, { adapter: choice.name, settings: compared }, compare);
    }
    say(`${choice.name}; ${preset}, ${precision}${recompute ? ", recomputed" : ""}`);
    const note = busyNow();
    if (note !== undefined) say(note);
    const request = {
      preset,
      recompute,
      steps,
      tune,
      tuneBudget,
      svg,
      peers: await peerOptions(args, choice),
      display,
    };
    const results = await runAll(what, device, choice, request, args);
    const timings = results.flatMap((result) => result.timings);
    const beside = results.flatMap((result) => result.beside);
    const pick = <Value>(value: (result: (typeof results)[number]) => Value) =>
      Object.fromEntries(results.map((result) => [result.benchmark, value(result)]));
    const file: BenchFile = {
      format: "lobule-bench-1",
      benchmark: what,
      adapter: choice.name,
      timings,
      beside,
      environment: environmentOf(device, choice),
      settings: { ...compared, ...pick(({ settings }) => settings) },
      details: pick(({ details }) => details),
    };
    if (out !== undefined) {
      await writeFileAtomically(nodeStorage, out, `${JSON.stringify(file, null, 2)}\n`);
      say(`written: ${out}`);
    }
    if (before !== undefined && compare !== undefined) showChanges(before, file, compare);
  } finally {
    device.destroy();
  }
}

/** Runs what is asked for and prints each result as it comes. */
async function runAll(
  what: Benchmark | "all",
  device: Device,
  choice: AdapterChoice,
  request: BenchRequest,
  given: DeviceArguments,
) {
  const all = what === "all";
  const results: (Outcome & { readonly benchmark: Benchmark; readonly settings: unknown })[] = [];
  for (const benchmark of all ? benchmarks : [what]) {
    const settings = settingsOf(benchmark, { software: choice.kind !== "gpu", all }, given);
    const { size, batch, slices } = settings;
    const extent = benchmark === "volume" ? `${size}×${size}×${slices}` : `${size}×${size}`;
    say("", `${benchmark}: ${extent}, batch ${batch}`);
    try {
      const outcome = await runBenchmark(benchmark, device, choice, request, settings);
      sayText(outcome.text);
      results.push({ ...outcome, benchmark, settings });
    } catch (error) {
      // An adapter without timestamps can still do the rest.
      if (!all || benchmark !== "kernels" || !(error instanceof PlanError)) throw error;
      say(`not run: ${error.message}`);
    }
    if (all && benchmark === "peers" && !request.peers.peers.includes("jax")) {
      say(`left out: jax-js, whose first step compiles for minutes; --peers ${peerNames.join()} adds it`);
    }
  }
  return results;
}

function showChanges(before: EarlierFile, now: BenchFile, path: string): void {
  const comparison = compareFiles(before, now);
  sayText(changeTable(comparison, path));
  if (comparison.ours.some(({ slower }) => slower)) process.exitCode = 1;
}
