import {
  type BenchFile,
  benchKernels,
  checkComparable,
  compareFiles,
  type EarlierFile,
  type KernelTiming,
  makeWorkload,
  measureRoof,
  parseBenchFile,
  presetFeatures,
  type Roof,
  rooflineSvg,
  settingsOf,
} from "@lobule/bench/kernels";
import { parseJsonText } from "@lobule/data";
import { signalOf, type Watcher } from "../parts/long-call.js";
import { environmentOf, nameOf } from "./describe.js";
import type { Means } from "./means.js";

/** What is measured; sizes that are left out are those of `lobule bench` on such an adapter. */
export interface BenchChoices {
  readonly preset: "liver" | "vessel";
  /** Side of a slice, a multiple of 16. */
  readonly size: number | undefined;
  /** Slices of a step. */
  readonly batch: number | undefined;
  readonly rounds: number | undefined;
}

/** How far a measurement is. */
export interface BenchProgress {
  readonly stage: "roof" | "kernels";
  /** Rounds of the kernels. */
  readonly done: number;
  readonly total: number;
}

/** The kernels of a training step on this browser's adapter. */
export interface Benched {
  readonly roof: Roof;
  readonly kernels: readonly KernelTiming[];
  /** Whether every kernel was longer than the steps of the browser's clock. */
  readonly resolved: boolean;
  /** As `lobule bench kernels --svg` draws it. */
  readonly picture: string;
  /** As `lobule bench kernels --out` writes it. */
  readonly file: BenchFile;
}

/** A kernel now, and in an earlier result. */
export interface BenchChange {
  readonly name: string;
  /** New median over the old. */
  readonly ratio: number;
  readonly slower: boolean;
}

/** A measurement beside an earlier one. */
export interface BenchComparison {
  readonly changes: readonly BenchChange[];
  /** The adapter of the earlier one, where it is another. */
  readonly otherAdapter: string | undefined;
}

/** Measures what this browser's adapter can do. */
export class Benching {
  constructor(private readonly means: Means) {}

  /** @throws PlanError where the adapter has no timestamps, or the step does not fit it. */
  async kernels(choices: BenchChoices, watcher: Watcher<BenchProgress>): Promise<Benched> {
    const device = await this.means.device();
    const signal = signalOf(watcher);
    const software = device.reduction !== "parallel";
    const { preset } = choices;
    const settings = settingsOf("kernels", { software, all: false }, { ...choices, slices: undefined });
    const { size, batch, rounds } = settings;
    const compared = { preset, precision: "f32", recompute: false } as const;
    const workload = makeWorkload({
      baseFeatures: presetFeatures[preset],
      batch,
      size,
      precision: compared.precision,
      kernels: device.kernels,
    });
    device.check(workload.training);
    watcher.progress({ stage: "roof", done: 0, total: rounds });
    const roof = await measureRoof(device, () => performance.now());
    signal.throwIfAborted();
    const kernels = await benchKernels(device, workload, roof, rounds, (done) => {
      signal.throwIfAborted();
      watcher.progress({ stage: "kernels", done, total: rounds });
    });
    const adapter = nameOf(device.adapterInfo);
    const title = `Training step, ${presetFeatures[preset]} base features, batch ${batch}, ${size}² on ${adapter}`;
    return {
      roof,
      kernels,
      resolved: kernels.every(({ milliseconds }) => milliseconds > 0),
      picture: rooflineSvg(
        kernels.filter(({ milliseconds }) => milliseconds > 0),
        roof,
        title,
      ),
      file: {
        format: "lobule-bench-1",
        benchmark: "kernels",
        adapter,
        timings: kernels,
        beside: [],
        environment: environmentOf(device),
        settings: { ...compared, kernels: settings },
        details: { kernels: { roof, kernels } },
      },
    };
  }

  /**
   * A measurement beside one of a file that this page or `lobule bench --out` wrote.
   * @throws Error where it is none, or was measured with other settings.
   */
  async compare(file: BenchFile, text: string, name: string): Promise<BenchComparison> {
    const before: EarlierFile = parseBenchFile(parseJsonText(text, name), name);
    // Another adapter is no mistake here: it is what is compared, and is said.
    checkComparable({ ...before, adapter: file.adapter }, file, name);
    const changes = compareFiles(before, file).ours.filter(({ ratio }) => Number.isFinite(ratio) && ratio > 0);
    if (changes.length === 0) throw new Error(`${name} holds none of the kernels that were timed here.`);
    return { changes, otherAdapter: before.adapter === file.adapter ? undefined : before.adapter };
  }
}
