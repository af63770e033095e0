import { hostname, totalmem } from "node:os";
import { basename, join, resolve } from "node:path";
import { tuneKernels } from "@lobule/bench";
import { commandText, FileWriteError, plural, writeFileAtomically } from "@lobule/data";
import { type AdapterChoice, adapterChoice, nodeStorage } from "@lobule/node";
import {
  type FollowedRun,
  followRun,
  keepReport,
  type MeasuredRun,
  measureRun,
  type RunMeasureOptions,
  writeReport,
} from "@lobule/report";
import { type Device, Tuning, TuningError } from "@lobule/tensor";
import {
  type Collective,
  ConfigError,
  gatherTexts,
  intensitiesText,
  type JoinedRun,
  joinRun,
  type ModelCode,
  type OpenRun,
  planRun,
  prepareRun,
  RankError,
  RunFolder,
  readModelOnAll,
  requireTrusted,
  resumeRun,
  startRun,
  type TrainingConfig,
  type TrainingOutcome,
} from "@lobule/train";
import { environmentOf } from "../shared/environment.js";
import { exitCodeOf, Interrupted, interruptible } from "../shared/interruption.js";
import { say, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { codeTrust } from "../shared/trust-code.js";
import { compileModel } from "./compile-model.js";
import { configFrom } from "./config-from.js";
import { type Dashboard, openDashboard } from "./dashboard.js";
import { profileTraining } from "./profile-training.js";
import { factsOf } from "./program-facts.js";
import { type Ranks, withRanks } from "./ranks.js";
import { resumedChanges } from "./resume-options.js";
import { lockNewRun, lockRun } from "./run-lock.js";
import { sliceCacheFolder } from "./slice-cache-folder.js";
import { givenSettings, type TrainValues } from "./train-options.js";
import { requireTrainOutputs } from "./train-outputs.js";
import { TrainingDisplay } from "./training-display.js";

/** Of a rank whose terminal is rank 0's. */
const quietWords = { stopping: "", stopped: "interrupted before the first step" };

const words = {
  stopping: "stopping after this step",
  stopped: "interrupted before the first step; what was decoded is kept, and the same command resumes from there",
};

/** Of a run that is resumed: its folder has its configuration. */
const noConfig = { config: undefined, plan: undefined };

/** `lobule train`. */
export const runTraining = (args: TrainValues, given: ReadonlySet<string>): Promise<void> =>
  withRanks((ranks) => train(args, given, ranks));

async function train(args: TrainValues, given: ReadonlySet<string>, ranks: Ranks): Promise<void> {
  const { resume: resumed, out, json, profile } = args;
  const { world } = ranks;
  const settings = givenSettings(args, given);
  if (args.preset === "auto" && world.size > 1) {
    throw new ConfigError(
      "'auto' plans in one process; make the plan first, by `lobule plan`, and give it to all processes by --config",
    );
  }
  const { config, plan } = resumed === undefined ? await configFrom(args, settings) : noConfig;
  if (config !== undefined && out === undefined && profile === undefined) {
    throw new ConfigError("name the folder of the new run: --out RUN");
  }
  if (profile !== undefined && world.size > 1) {
    throw new ConfigError("--profile times the steps of one process; start it without a launcher such as mpirun");
  }
  if (out !== undefined) await RunFolder.requireNone(nodeStorage, out);
  await requireTrainOutputs({
    out,
    profile,
    cache: args.cache,
    tuning: args.tuning,
    config: args.config,
    data: config?.data,
    model: config?.model ?? undefined,
  });
  const changes = resumed === undefined ? {} : await resumedChanges(resumed, settings, given);
  const code = typeof config?.model === "string" ? await compileModel(config.model) : undefined;
  // A model that a settings file names was not chosen on the command line.
  if (code !== undefined && !given.has("model")) await requireTrusted(code, codeTrust(args));
  const device = await ranks.open();
  let run: JoinedRun | undefined;
  let lock: Awaited<ReturnType<typeof lockNewRun>> | undefined;
  let dashboard: Dashboard | undefined;
  const writes = world.rank === 0;
  const display = new TrainingDisplay(json, () => run?.model.classes ?? []);
  try {
    if (args.dashboard !== undefined && writes) {
      dashboard = await openDashboard(args.dashboard);
      (json ? warn : say)(`dashboard: ${dashboard.address}`);
    }
    await interruptible(writes ? words : quietWords, async (signal) => {
      if (resumed !== undefined) {
        await RunFolder.open(nodeStorage, resumed); // no lock is made in a folder that is no run
        if (writes) lock = await lockRun(resumed, signal);
      } else if (out !== undefined && profile === undefined && writes) {
        lock = await lockNewRun(out, signal);
        await RunFolder.requireNone(nodeStorage, out);
      }
      const caches = await sliceCacheFolder();
      const request = {
        storage: nodeStorage,
        device,
        signal,
        now: () => performance.now(),
        ...(writes ? watched(display, device, dashboard) : {}),
        mayWrite: async () => lock?.check(),
        ...codeTrust(args),
        ...(code === undefined ? {} : { code }),
        ...((await adapterChoice()).kind === "gpu" ? {} : { memory: totalmem() }),
        ...(args.pauseAfter === undefined ? {} : { pauseAfter: args.pauseAfter }),
        cacheDirectoryOf: (data: string) => args.cache ?? caches(data),
        ...(args.workers === undefined ? {} : { workers: args.workers }),
        ...(args.verifyCache ? { verifyCache: true } : {}),
        world,
      };
      const tuning = config === undefined ? undefined : await tunedOnAll(device, config, code, args, world);
      if (config !== undefined && profile !== undefined) {
        const prepared = await prepareRun(config, request);
        display.end();
        try {
          await profileTraining(device, prepared, profile);
        } finally {
          await prepared.trainer.close();
          await prepared.data.cache.close();
        }
        return;
      }
      if (config === undefined) await adoptTuningOf(resumed as string, device);
      const facts = world.size === 1 ? {} : await factsOf(device);
      if (!writes) {
        run = await joinRun(config ?? (resumed as string), { ...request, ...changes, facts });
        const outcome = await run.run();
        if (isOver(outcome)) await measured(device, run, (out ?? resumed) as string, { signal, world });
        await ranks.close();
        return;
      }
      let opened: OpenRun;
      if (config === undefined) opened = await resumeRun(resumed as string, { ...request, ...changes, facts });
      else {
        const environment = environmentOf(device, await adapterChoice());
        const described = { ...environment, ...(tuning ? { tuning } : {}) };
        opened = await startRun(config, out as string, described, { ...request, facts });
        if (plan !== undefined) await writeFileAtomically(nodeStorage, join(out as string, "plan.yaml"), plan);
      }
      run = opened;
      display.end();
      if (json) for (const note of run.data.notes) warn(`note: ${note}`);
      else announce(opened, await adapterChoice(), world);
      const outcome = await run.run();
      display.end();
      await conclude(device, opened, outcome, args, { signal, dashboard, ranks });
    });
  } finally {
    display.end();
    await run?.close();
    await lock?.release();
    await dashboard?.close();
    device.destroy();
  }
}

/** Lets what happens to the run be seen where it was started, and on the dashboard. */
function watched(
  display: TrainingDisplay,
  device: Device,
  dashboard: Dashboard | undefined,
): Pick<FollowedRun, "observer" | "keeper" | "onDecoded"> {
  const keeper = keepReport({ wallClock: () => Date.now() / 1000, host: hostname() });
  const onDecoded = (done: number, total: number, name: string): void => display.decoded(done, total, name);
  if (dashboard === undefined) return { observer: display, keeper, onDecoded };
  const followed = followRun(dashboard.send, device, keeper);
  return {
    keeper: followed.keeper,
    onDecoded: (...counts) => {
      onDecoded(...counts);
      followed.onDecoded(...counts);
    },
    observer: {
      step: (progress) => {
        display.step(progress);
        followed.observer.step?.(progress);
      },
      validating: (done, total) => {
        display.validating(done, total);
        followed.observer.validating?.(done, total);
      },
      epoch: (record) => display.epoch(record),
      note: (text) => {
        display.note(text);
        followed.observer.note?.(text);
      },
    },
  };
}

/** Times the run's kernels if asked to. What was found stays in its environment.json, for a resumed run. */
async function tuned(
  device: Device,
  config: TrainingConfig,
  code: ModelCode | undefined,
  args: TrainValues,
): Promise<Tuning | undefined> {
  const { tune, tuneBudget, tuning, json } = args;
  if (tune === "off") return undefined;
  const { convolutions } = await planRun(nodeStorage, config, { kernels: device.kernels, code });
  return tuneKernels(device, convolutions, {
    effort: tune,
    budget: tuneBudget,
    file: tuning,
    precision: config.precision,
    log: (line) => (json ? undefined : say(line)),
    progress: () => progress("timing kernels"),
  });
}

/** As {@link tuned}, by rank 0; the others use what it found. */
async function tunedOnAll(
  device: Device,
  config: TrainingConfig,
  code: ModelCode | undefined,
  args: TrainValues,
  world: Collective,
): Promise<Tuning | undefined> {
  if (args.tune === "off" || world.size === 1) return tuned(device, config, code, args);
  const own = world.rank === 0 ? await tuned(device, config, code, args) : undefined;
  const [found = ""] = await gatherTexts(world, own === undefined ? "" : JSON.stringify(own));
  if (world.rank > 0 && found !== "") device.adopt(Tuning.parse(JSON.parse(found), device));
  return own;
}

/** Uses the kernels that the run was begun with, so that it is resumed to the same bytes. */
async function adoptTuningOf(directory: string, device: Device): Promise<void> {
  const { tuning } = (await RunFolder.open(nodeStorage, directory)).environment;
  if (tuning === undefined) return;
  try {
    device.adopt(Tuning.parse(tuning, device));
  } catch (error) {
    if (!(error instanceof TuningError)) throw error;
    warn(`note: the run's kernels were timed on another adapter or driver; the defaults of this one are used`);
  }
}

/** Says what is about to happen. */
function announce(
  { config, data, trainer, folder, bytes }: OpenRun,
  { name }: AdapterChoice,
  { size, hosts }: Collective,
): void {
  const { slices, preprocessing } = trainer;
  for (const note of data.notes) say(`note: ${note}`);
  say(
    `${data.task.name}: ${plural(data.cases.training.length, "case")} (${plural(slices.training, "slice")}) to train on, ${data.cases.validation.length} (${slices.validation}) to validate on`,
    `input ${preprocessing.height}×${preprocessing.width}${config.patch === null ? "" : `, patches of ${config.patch[1]}×${config.patch[0]}`}, ${preprocessing.channels.map(intensitiesText).join(" and ")}, ${networkText(config)}, batch ${config.batch}${config.microBatch === null ? "" : ` in parts of ${config.microBatch}`}`,
    `${name}; a step takes ${(bytes / 1e6).toFixed(0)} MB on the device`,
    ...(size === 1 ? [] : [`${size} processes on ${[...new Set(hosts)].join(", ")} train together`]),
    `run folder ${folder.directory}`,
  );
}

/** Whether training is over, so that the run is measured. */
const isOver = (outcome: TrainingOutcome): boolean => outcome !== "interrupted" && outcome !== "paused";

/** Measures a run whose training is over, together with the other ranks; undefined where one was asked to stop. */
async function measured(
  device: Device,
  { data, trainer }: JoinedRun,
  directory: string,
  options: RunMeasureOptions & { readonly world: Collective },
): Promise<MeasuredRun | undefined> {
  await trainer.close();
  // Code of its own has run in this process already.
  const model = await readModelOnAll(options.world, nodeStorage, directory, { trustCode: true });
  const held = new Set(data.split.validation);
  const cases = data.task.cases.filter(({ name }) => held.has(name));
  return measureRun(nodeStorage, device, model, cases, options);
}

/** Says how it ended and what to do next; writes the report of a run that is over. */
async function conclude(
  device: Device,
  run: OpenRun,
  outcome: TrainingOutcome,
  { json, cache }: TrainValues,
  {
    signal,
    dashboard,
    ranks,
  }: { readonly signal: AbortSignal; readonly dashboard: Dashboard | undefined; readonly ranks: Ranks },
): Promise<void> {
  const { folder, trainer } = run;
  const resume = commandText("train", "--resume", folder.directory, ...(cache === undefined ? [] : ["--cache", cache]));
  if (!isOver(outcome)) await ranks.close();
  if (outcome === "interrupted") throw interruptedAs(signal, `everything so far is saved. Go on with: ${resume}`);
  if (outcome === "paused") {
    if (!json) say(`paused. Go on with: ${resume}`);
    return;
  }
  const bar = progress("measuring");
  const onCase = (done: number, total: number, name: string): void => {
    bar.update(done, total, name);
    dashboard?.send({ kind: "measuring", done, total });
  };
  const unmeasured = `the run is trained, but not measured for its report. Measure it with: ${resume}`;
  try {
    const found = await measured(device, run, folder.directory, { onCase, signal, world: ranks.world });
    await ranks.close();
    if (found === undefined) throw interruptedAs(signal, unmeasured);
    const stand = { epochs: trainer.epochs, state: outcome, written: Date.now() / 1000 };
    const path = await writeReport(folder, basename(resolve(folder.directory)), found, stand);
    bar.end();
    dashboard?.send({ kind: "ended", status: outcome });
    if (!json) say(`${outcome}. Report: ${path}`, `Next: ${commandText("evaluate", folder.directory)}`);
  } catch (error) {
    if (error instanceof FileWriteError && !signal.aborted) {
      throw new FileWriteError(
        `${error.message}; the run is trained; once the cause is removed, this writes its report: ${resume}`,
      );
    }
    const byOther = error instanceof RankError && error.exitCode === exitCodeOf("SIGTERM");
    if (!signal.aborted && !byOther) throw error;
    throw interruptedAs(signal, unmeasured);
  } finally {
    bar.end();
  }
}

/** The end of work that the signal stopped, with what there is of it by then. */
function interruptedAs({ reason }: AbortSignal, what: string): Interrupted {
  // Where another rank was asked to stop, this one is stopped like it by what schedules them.
  return new Interrupted(
    `interrupted; ${what}`,
    reason instanceof Interrupted ? reason.exitCode : exitCodeOf("SIGTERM"),
  );
}

/** How large the network is. */
const networkText = ({ nnunet, baseFeatures }: TrainingConfig): string =>
  nnunet === null
    ? `${baseFeatures} base features`
    : `nnU-Net's ${nnunet.encoder} network of ${nnunet.stages.length} stages`;
