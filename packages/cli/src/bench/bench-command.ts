import { type AdapterChoice, adapterChoice, openGpu } from "@lobule/node-gpu";
import { Device } from "@lobule/tensor";
import { writeFileAtomically } from "@lobule/train";
import type { Argv, CommandModule } from "yargs";
import { environmentOf } from "../shared/environment.js";
import { type Effort, efforts, tuneKernels } from "../tune/tune-kernels.js";
import { BenchError } from "./bench-error.js";
import { type BenchFile, readBenchFile } from "./bench-files.js";
import { benchKernels } from "./kernel-bench.js";
import { benchModel } from "./model-bench.js";
import { benchPeers } from "./peer-bench.js";
import { peerChartSvg } from "./peer-chart.js";
import { parsePeers, peerNames, peerVariants } from "./peer-variants.js";
import { measureRoof } from "./roof.js";
import { rooflineSvg } from "./roofline.js";
import { changeTable, kernelTable, modelTable, peerTable } from "./tables.js";
import { changes, type Timing } from "./timing.js";
import { makeWorkload, type Workload } from "./workload.js";

interface BenchArguments {
  readonly what: "kernels" | "model" | "peers";
  readonly preset: "liver" | "vessel";
  readonly size: number;
  readonly batch: number;
  readonly precision: "f32" | "f16";
  readonly recompute: boolean;
  readonly rounds: number;
  readonly steps: number;
  readonly tune: Effort;
  readonly python: string;
  readonly peers: string;
  readonly peerLimit: number;
  readonly out: string | undefined;
  readonly svg: string | undefined;
  readonly compare: string | undefined;
}

/** Base features of the presets. */
const baseFeatures = { liver: 8, vessel: 16 } as const;

const now = (): number => performance.now();

export const benchCommand: CommandModule<object, BenchArguments> = {
  command: "bench <what>",
  describe: "Time kernels, the model, and other frameworks beside it",
  builder: (parser: Argv) =>
    parser
      .positional("what", {
        choices: ["kernels", "model", "peers"] as const,
        demandOption: true,
        describe: "each kernel against the roofline, a step and a forward pass, or both beside others",
      })
      .option("preset", { choices: ["liver", "vessel"] as const, default: "liver", describe: "8 or 16 base features" })
      .option("size", { type: "number", default: 128, describe: "side of a slice, a multiple of 16" })
      .option("batch", { type: "number", default: 4, describe: "slices a step" })
      .option("precision", { choices: ["f32", "f16"] as const, default: "f32", describe: "of stored activations" })
      .option("recompute", { type: "boolean", default: false, describe: "compute cheap activations again, keep less" })
      .option("rounds", { type: "number", default: 9, describe: "how often each thing is timed" })
      .option("steps", { type: "number", default: 0, describe: "model: watch memory and time over so many steps" })
      .option("tune", {
        choices: efforts,
        default: "off",
        describe: "time the kernels' variants first, use the fastest",
      })
      .option("python", { type: "string", default: "python3", describe: "peers: a Python that has PyTorch" })
      .option("peers", { type: "string", default: peerNames.join(), describe: "peers: which" })
      .option("peer-limit", { type: "number", default: 900, describe: "peers: seconds that an answer may take" })
      .option("out", { type: "string", describe: "write the result as JSON" })
      .option("svg", { type: "string", describe: "kernels and peers: write the result as a picture" })
      .option("compare", { type: "string", describe: "an earlier --out file; exit code 1 if slower beyond noise" })
      .example("$0 bench kernels --svg roofline.svg", "where the time of a step goes")
      .example("$0 bench model --steps 200", "does anything grow?")
      .example("$0 bench peers --size 256", "beside PyTorch, TensorFlow.js, jax-js") as never,
  handler: bench,
};

function checkNumbers({ size, batch, rounds, steps, what, svg, peers, peerLimit }: BenchArguments): void {
  const whole = (value: number, least: number): boolean => Number.isSafeInteger(value) && value >= least;
  if (!whole(size, 16) || size % 16 !== 0) throw new BenchError(`--size must be a multiple of 16 from 16, not ${size}`);
  if (!whole(batch, 1)) throw new BenchError(`--batch must be a whole number from 1, not ${batch}`);
  if (!whole(rounds, 1)) throw new BenchError(`--rounds must be a whole number from 1, not ${rounds}`);
  if (!whole(steps, 0)) throw new BenchError(`--steps must be a whole number from 0, not ${steps}`);
  parsePeers(peers);
  if (!(peerLimit > 0)) throw new BenchError(`--peer-limit must be a number of seconds above 0, not ${peerLimit}`);
  if (svg !== undefined && what === "model") throw new BenchError("--svg is for 'bench kernels' and 'bench peers'");
}

interface Outcome {
  readonly timings: readonly Timing[];
  readonly details: unknown;
  readonly text: string;
}

async function runBenchmark(
  device: Device,
  workload: Workload,
  { kind, name }: AdapterChoice,
  args: BenchArguments,
): Promise<Outcome> {
  const { what, rounds, steps, python, svg, batch } = args;
  if (what === "model") {
    const result = await benchModel(device, workload, {
      ...{ rounds, steps, now },
      residentBytes: () => process.memoryUsage.rss(),
    });
    return { timings: result.timings, details: result, text: modelTable(result, batch) };
  }
  if (what === "kernels") {
    const roof = await measureRoof(device, now);
    const kernels = await benchKernels(device, workload, roof, rounds);
    const { baseFeatures: features, size } = workload.options;
    const title = `Training step, ${features} base features, batch ${batch}, ${size}² on ${name.split(" (")[0]}`;
    if (svg !== undefined) await writeFileAtomically(svg, rooflineSvg(kernels, roof, title));
    return { timings: kernels, details: { roof, kernels }, text: kernelTable(kernels, roof) };
  }
  const result = await benchPeers(device, workload, {
    variants: peerVariants({ python, cuda: kind === "gpu", peers: parsePeers(args.peers), limit: args.peerLimit }),
    ...{ rounds, now, residentBytes: () => process.resourceUsage().maxRSS * 1024 },
    onPeer: (peer) => process.stderr.isTTY && process.stderr.write(`${peer} …\n`),
  });
  if (svg !== undefined) {
    const { baseFeatures: features, size } = workload.options;
    const title = `Training step, ${features} base features, batch ${batch}, ${size}² on ${name.split(" (")[0]}`;
    await writeFileAtomically(svg, peerChartSvg(result, title));
  }
  const timings = [result.ours, ...result.peers].flatMap(({ step, forward }) => [step, forward]);
  return { timings, details: result, text: peerTable(result, kind !== "gpu") };
}

async function bench(args: BenchArguments): Promise<void> {
  checkNumbers(args);
  const { what, preset, size, batch, precision, recompute, out, compare } = args;
  const before = compare === undefined ? undefined : await readBenchFile(compare);
  const device = await Device.open(await openGpu());
  try {
    const choice = await adapterChoice();
    const make = (): Workload =>
      makeWorkload({
        ...{ baseFeatures: baseFeatures[preset], batch, size, precision, recompute },
        kernels: device.kernels,
      });
    if (args.tune !== "off") {
      const { training, inference } = make();
      await tuneKernels(device, [...training.convolutions, ...inference.convolutions], {
        ...{ effort: args.tune, budget: 60, file: undefined, precision, log: (line) => console.log(line) },
      });
    }
    const workload = make();
    device.check(workload.training);
    console.log(
      `${choice.name}; ${preset}, batch ${batch}, ${size}×${size}, ${precision}${recompute ? ", recomputed" : ""}`,
    );
    const { timings, details, text } = await runBenchmark(device, workload, choice, args);
    console.log(text);
    const file: BenchFile = {
      ...{ format: "lobule-bench-1", benchmark: what, adapter: choice.name, timings, details },
      environment: environmentOf(device, choice),
      settings: { preset, size, batch, precision, recompute },
    };
    if (out !== undefined) {
      await writeFileAtomically(out, `${JSON.stringify(file, null, 2)}\n`);
      console.log(`written: ${out}`);
    }
    if (before !== undefined && compare !== undefined) {
      if (before.adapter !== choice.name) {
        throw new BenchError(
          `${compare} was measured on another adapter (${before.adapter}); compare on the same one only`,
        );
      }
      const list = changes(before.timings, timings);
      console.log(changeTable(list, compare));
      if (list.some(({ slower }) => slower)) process.exitCode = 1;
    }
  } finally {
    device.destroy();
  }
}
