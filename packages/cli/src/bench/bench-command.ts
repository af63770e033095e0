import { type AdapterChoice, adapterChoice } from "@lobule/node-gpu";
import { type Device, PlanError } from "@lobule/tensor";
import { writeFileAtomically } from "@lobule/train";
import type { Argv, CommandModule } from "yargs";
import { environmentOf } from "../shared/environment.js";
import { openDevice } from "../shared/open-device.js";
import { say, sayText } from "../shared/output.js";
import { type Effort, efforts } from "../tune/tune-kernels.js";
import { BenchError } from "./bench-error.js";
import {
  type BenchFile,
  checkComparable,
  compareFiles,
  type EarlierFile,
  readBenchFile,
  requireFolder,
} from "./bench-files.js";
import { type Benchmark, benchmarks, checkNumbers, settingsOf } from "./bench-settings.js";
import { busyNow } from "./busy-machine.js";
import { findPython } from "./find-python.js";
import { installPeers } from "./peer-install.js";
import {
  needsInstalling,
  type PeerName,
  type PeerOptions,
  parseModes,
  parsePeers,
  peerNames,
  peersFolder,
  pytorchModes,
} from "./peer-variants.js";
import { type BenchRequest, type Outcome, runBenchmark } from "./run-benchmark.js";
import { changeTable } from "./tables.js";

interface BenchArguments {
  readonly what: Benchmark | "all";
  readonly preset: "liver" | "vessel";
  readonly size: number | undefined;
  readonly batch: number | undefined;
  readonly slices: number | undefined;
  readonly precision: "f32" | "f16";
  readonly recompute: boolean;
  readonly rounds: number | undefined;
  readonly steps: number;
  readonly tune: Effort;
  readonly python: string | undefined;
  readonly peers: string | undefined;
  readonly modes: string | undefined;
  readonly peerLimit: number;
  readonly out: string | undefined;
  readonly svg: string | undefined;
  readonly compare: string | undefined;
}

export const benchCommand: CommandModule<object, BenchArguments> = {
  command: "bench [what]",
  describe: "Time kernels, the model, and other frameworks beside it",
  builder: (parser: Argv) =>
    parser
      .positional("what", {
        choices: ["all", ...benchmarks] as const,
        default: "all",
        describe:
          "each kernel beside the roofline, a step and a forward pass, both beside others, a whole volume, or all",
      })
      .option("preset", { choices: ["liver", "vessel"] as const, default: "liver", describe: "8 or 16 base features" })
      .option("size", {
        type: "number",
        describe: "side of a slice, a multiple of 16 [128; 512 on a GPU and for volumes]",
      })
      .option("batch", { type: "number", describe: "slices at once [4; on a GPU 32, for volumes 16]" })
      .option("slices", { type: "number", describe: "volume: how many [150]" })
      .option("precision", { choices: ["f32", "f16"] as const, default: "f32", describe: "of stored activations" })
      .option("recompute", {
        type: "boolean",
        default: false,
        describe: "in training, compute cheap activations again, keep less",
      })
      .option("rounds", { type: "number", describe: "how often each thing is timed [9; 3 for volumes]" })
      .option("steps", { type: "number", default: 0, describe: "model: watch memory and time over so many steps" })
      .option("tune", {
        choices: efforts,
        default: "off",
        describe: "time the kernels' variants first, use the fastest",
      })
      .option("python", { type: "string", describe: "a Python that has PyTorch [searched for]" })
      .option("peers", { type: "string", describe: `peers: which [${peerNames.join()}]` })
      .option("modes", { type: "string", describe: `PyTorch's ways to run [${pytorchModes.join()}]` })
      .option("peer-limit", { type: "number", default: 900, describe: "seconds that a peer's answer may take" })
      .option("out", { type: "string", describe: "write the result as JSON" })
      .option("svg", { type: "string", describe: "kernels and peers: write the result as a picture" })
      .option("compare", { type: "string", describe: "an earlier --out file; exit code 1 if slower beyond noise" })
      .example("$0 bench", "all of them, in sizes that suit the adapter")
      .example("$0 bench kernels --svg roofline.svg", "where the time of a step goes")
      .example("$0 bench model --steps 200", "does anything grow?")
      .example("$0 bench peers --size 256", "beside PyTorch, TensorFlow.js, jax-js, onnxruntime")
      .example("$0 bench volume --slices 40", "inference beside PyTorch") as never,
  handler: bench,
};

function check({ what, svg, peers, modes, peerLimit, recompute, ...numbers }: BenchArguments): void {
  const { size, batch, slices, rounds, steps, out, compare } = numbers;
  for (const [name, path] of Object.entries({ out, svg, compare })) {
    if (path === "") throw new BenchError(`--${name} needs the name of a file`);
  }
  checkNumbers({ size, batch, slices, rounds, steps });
  if (peers !== undefined) parsePeers(peers);
  if (modes !== undefined) parseModes(modes);
  if (!(peerLimit > 0)) throw new BenchError(`--peer-limit must be a number of seconds above 0, not ${peerLimit}`);
  if (svg !== undefined && what !== "kernels" && what !== "peers") {
    throw new BenchError("--svg is for 'bench kernels' and 'bench peers'");
  }
  if (recompute && (what === "all" || what === "volume")) {
    throw new BenchError("--recompute is for 'bench kernels', 'bench model' and 'bench peers'");
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

async function bench(args: BenchArguments): Promise<void> {
  check(args);
  const { what, preset, precision, recompute, steps, tune, out, svg, compare } = args;
  for (const path of [out, svg]) if (path !== undefined) await requireFolder(path);
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
    const request = { preset, recompute, steps, tune, svg, peers: await peerOptions(args, choice) };
    const results = await runAll(what, device, choice, request, args);
    const timings = results.flatMap((result) => result.timings);
    const beside = results.flatMap((result) => result.beside);
    const pick = <Value>(value: (result: (typeof results)[number]) => Value) =>
      Object.fromEntries(results.map((result) => [result.benchmark, value(result)]));
    const file: BenchFile = {
      ...{ format: "lobule-bench-1", benchmark: what, adapter: choice.name, timings, beside },
      environment: environmentOf(device, choice),
      settings: { ...compared, ...pick(({ settings }) => settings) },
      details: pick(({ details }) => details),
    };
    if (out !== undefined) {
      await writeFileAtomically(out, `${JSON.stringify(file, null, 2)}\n`);
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
  given: BenchArguments,
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
