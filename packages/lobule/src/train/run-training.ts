import { hostname, totalmem } from "node:os";
import { basename, join, resolve } from "node:path";
import { tuneKernels } from "@lobule/bench";
import { commandText, FileWriteError, plural, writeFileAtomically } from "@lobule/data";
import { type AdapterChoice, adapterChoice, type FolderLock, nodeStorage } from "@lobule/node";
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
  gatherTexts,
  intensitiesText,
  type JoinedRun,
  joinRun,
  type OpenRun,
  planRun,
  prepareRun,
  RankError,
  RunFolder,
  type RunRequest,
  readModelOnAll,
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
import { type Dashboard, openDashboard } from "./dashboard.js";
import { profileTraining } from "./profile-training.js";
import { factsOf } from "./program-facts.js";
import { type Ranks, withRanks } from "./ranks.js";
import { type NewRun, type ProfiledRun, type ResumedRun, requestedRun } from "./requested-run.js";
import { lockNewRun, lockRun } from "./run-lock.js";
import { sliceCacheFolder } from "./slice-cache-folder.js";
import type { TrainValues } from "./train-options.js";
import { TrainingDisplay } from "./training-display.js";

/** Of a rank whose terminal is rank 0's. */
const quietWords = { stopping: "", stopped: "interrupted before the first step" };

const words = {
  stopping: "stopping after this step",
  stopped: "interrupted before the first step; what was decoded is kept, and the same command resumes from there",
};

/** `lobule train`. */
export const runTraining = (args: TrainValues, given: ReadonlySet<string>): Promise<void> =>
  withRanks((ranks) => train(args, given, ranks));

/** What is open while a run is trained, and closed at the end. */
interface Held {
  run?: JoinedRun;
  lock?: Pick<FolderLock, "check" | "release">;
  dashboard?: Dashboard;
}

/** What a run is trained with. */
interface Surroundings {
  readonly args: TrainValues;
  readonly ranks: Ranks;
  readonly device: Device;
  readonly display: TrainingDisplay;
  readonly held: Held;
  readonly signal: AbortSignal;
}

async function train(args: TrainValues, given: ReadonlySet<string>, ranks: Ranks): Promise<void> {
  const requested = await requestedRun(args, given, ranks.world);
  const device = await ranks.open();
  const held: Held = {};
  const writes = ranks.world.rank === 0;
  const display = new TrainingDisplay(args.json, () => held.run?.model.classes ?? []);
  try {
    if (args.dashboard !== undefined && writes) {
      held.dashboard = await openDashboard(args.dashboard);
      (args.json ? warn : say)(`dashboard: ${held.dashboard.address}`);
    }
    await interruptible(writes ? words : quietWords, (signal) =>
      trainRequested(requested, { args, ranks, device, display, held, signal }),
    );
  } finally {
    display.end();
    await held.run?.close();
    await held.lock?.release();
    await held.dashboard?.close();
    device.destroy();
  }
}

async function trainRequested(requested: NewRun | ProfiledRun | ResumedRun, surroundings: Surroundings): Promise<void> {
  const { args, ranks, device, display, held, signal } = surroundings;
  const { world } = ranks;
  if (requested.kind !== "profiled") await lockFolder(requested, surroundings);
  const request = await requestOf(requested, surroundings);
  const tuning = requested.kind === "resumed" ? undefined : await tunedOnAll(device, requested, args, world);
  if (requested.kind === "profiled") return profile(requested, request, display);
  if (requested.kind === "resumed") await adoptTuningOf(requested.directory, device);
  const checked = { ...request, facts: world.size === 1 ? {} : await factsOf(device) };
  if (world.rank > 0) {
    const run = await joinRun(requested.kind === "new" ? requested.config : requested.directory, checked);
    held.run = run;
    if (isOver(await run.run())) await measured(device, run, requested.directory, { signal, world });
    return ranks.close();
  }
  const run = await openRun(requested, checked, tuning);
  held.run = run;
  display.end();
  if (args.json) for (const note of run.data.notes) warn(`note: ${note}`);
  else announce(run, await adapterChoice(), world);
  const outcome = await run.run();
  display.end();
  await conclude(device, run, outcome, args, { signal, dashboard: held.dashboard, ranks });
}

/** Makes sure that no other process trains the run, and that a new one has a folder of its own. */
async function lockFolder(
  { kind, directory }: NewRun | ResumedRun,
  { ranks, held, signal }: Surroundings,
): Promise<void> {
  const writes = ranks.world.rank === 0;
  if (kind === "resumed") await RunFolder.open(nodeStorage, directory); // no lock is made in a folder that is no run
  if (!writes) return;
  held.lock = await (kind === "resumed" ? lockRun : lockNewRun)(directory, signal);
  if (kind === "new") await RunFolder.requireNone(nodeStorage, directory);
}

/** What the run needs besides its configuration. */
async function requestOf(
  requested: NewRun | ProfiledRun | ResumedRun,
  { args, ranks, device, display, held, signal }: Surroundings,
): Promise<RunRequest> {
  const caches = await sliceCacheFolder();
  return {
    storage: nodeStorage,
    device,
    signal,
    now: () => performance.now(),
    ...(ranks.world.rank === 0 ? watched(display, device, held.dashboard) : {}),
    mayWrite: async () => held.lock?.check(),
    ...codeTrust(args),
    ...(requested.kind === "resumed" ? requested.changes : {}),
    ...(requested.kind === "resumed" || requested.code === undefined ? {} : { code: requested.code }),
    ...((await adapterChoice()).kind === "gpu" ? {} : { memory: totalmem() }),
    ...(args.pauseAfter === undefined ? {} : { pauseAfter: args.pauseAfter }),
    cacheDirectoryOf: (data) => args.cache ?? caches(data),
    ...(args.workers === undefined ? {} : { workers: args.workers }),
    ...(args.verifyCache ? { verifyCache: true } : {}),
    world: ranks.world,
  };
}

/** Times the dispatches of a step instead of training. */
async function profile({ config, file }: ProfiledRun, request: RunRequest, display: TrainingDisplay): Promise<void> {
  const prepared = await prepareRun(config, request);
  display.end();
  try {
    await profileTraining(request.device, prepared, file);
  } finally {
    await prepared.trainer.close();
    await prepared.data.cache.close();
  }
}

/** Starts a new run, or resumes one. */
async function openRun(
  requested: NewRun | ResumedRun,
  request: RunRequest,
  tuning: Tuning | undefined,
): Promise<OpenRun> {
  if (requested.kind === "resumed") return resumeRun(requested.directory, request);
  const { config, directory, plan } = requested;
  const environment = environmentOf(request.device, await adapterChoice());
  const run = await startRun(config, directory, { ...environment, ...(tuning ? { tuning } : {}) }, request);
  if (plan !== undefined) await writeFileAtomically(nodeStorage, join(directory, "plan.yaml"), plan);
  return run;
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
  { config, code }: NewRun | ProfiledRun,
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
  requested: NewRun | ProfiledRun,
  args: TrainValues,
  world: Collective,
): Promise<Tuning | undefined> {
  if (args.tune === "off" || world.size === 1) return tuned(device, requested, args);
  const own = world.rank === 0 ? await tuned(device, requested, args) : undefined;
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
    `${data.task.name}: ${plural(data.cases.training.length, "case")} (${plural(slices.training, "slice")}) to train on, ${data.cases.validation.length} (${slices.validation.toLocaleString("en-US")}) to validate on`,
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
