import { join, resolve } from "node:path";
import { DataError, plural, requireApart, writeFileAtomically } from "@lobule/data";
import { defaultEdge, volumeEdges } from "@lobule/metrics";
import { nodeStorage } from "@lobule/node";
import { evaluationCsv, evaluationJson, formatEvaluation } from "@lobule/report";
import {
  defaultTolerance,
  type EvaluationPlan,
  evaluateRun,
  finishedCases,
  listFailures,
  measurementName,
  onEveryRank,
  planEvaluation,
  provenanceOf,
  readMeasurement,
  readModel,
  requireSameFacts,
} from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import {
  choice,
  flag,
  list,
  number,
  path,
  required,
  text,
  toggle,
  whole,
  withDefault,
} from "../command-line/option.js";
import { exitCodeOf, Interrupted, interruptible } from "../shared/interruption.js";
import { deviceOption } from "../shared/open-device.js";
import { say, sayJson, sayText, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";
import { requireOutput } from "../shared/writable-outputs.js";
import { factsOf } from "../train/program-facts.js";
import { type Ranks, withRanks } from "../train/ranks.js";

const positionals = { run: required(path("run folder", "input", "RUN")) };
const options = {
  data: path("another Decathlon folder [the run's validation cases]", "input", "DIR"),
  map: list(text("count the folder's label FROM as the model's label TO; values or names", "FROM=TO"), "several"),
  "include-training": flag("also measure cases that the run was trained on, marked as such"),
  out: path("folder of the CSV and JSON files [RUN/evaluation]", "folder", "DIR"),
  tolerance: withDefault(number("distance within which surfaces agree, mm", { above: 0 }), defaultTolerance),
  edge: withDefault(
    choice(volumeEdges, "what the edge of a scan is to an organ that reaches it: its surface, or a cut (none)"),
    defaultEdge,
  ),
  mirror: flag("average each prediction over mirror images"),
  postprocessing: toggle("do to labels what `postprocess` chose for the run [where it did]"),
  "at-once": withDefault(whole("slices that the network takes at once", { least: 1 }), 4),
  precision: withDefault(choice(["f32", "f16"], "type in which activations are stored"), "f32"),
  json: flag("print the JSON in place of the table"),
  "trust-code": trustCodeOption,
  device: deviceOption,
};
type EvaluateArguments = Values<typeof positionals & typeof options>;

export const evaluateCommand = command({
  name: "evaluate",
  describe: "Measure a trained model on labeled cases",
  positionals,
  options,
  together: true,
  run: (args) => withRanks((ranks) => evaluate(args, ranks)),
  examples: [
    ["evaluate runs/liver", "the run's own validation cases"],
    ["evaluate runs/liver --data OTHER --map tumor=cancer", "the labeled cases of another folder"],
  ],
});

const words = { stopping: "stopping", stopped: "interrupted; nothing was written, and what was there stays" };
/** Of a rank whose terminal is rank 0's. */
const quietWords = { ...words, stopping: "" };

async function evaluate(args: EvaluateArguments, { world, open, close }: Ranks): Promise<void> {
  const { tolerance, edge, json, atOnce } = args;
  const { plan, folder, nameOf, there } = await onEveryRank(world, () => prepare(args));
  const before = finishedCases(there, provenanceOf(plan), tolerance, edge);
  const writes = world.rank === 0;
  if (writes) announce(plan);
  const device = await open();
  const bar = progress("evaluating");
  try {
    if (world.size > 1) await requireSameFacts(world, { ...(await factsOf(device)), ...factsOfPlan(plan, args) });
    const { result, heldOut, stop } = await interruptible(writes ? words : quietWords, async (signal) => {
      const evaluated = await evaluateRun(nodeStorage, device, plan, {
        atOnce,
        tolerance,
        edge,
        signal,
        world,
        measuredBefore: (_, { content }) => before.get(content),
        ...(writes ? { onCase: (done, total, name) => bar.update(done, total, name) } : {}),
      });
      // Where another rank was asked to stop, this one is stopped like it by what schedules them.
      const byOther = evaluated.stopped ? new Interrupted(words.stopped, exitCodeOf("SIGTERM")) : undefined;
      return { ...evaluated, stop: signal.aborted ? signal.reason : byOther };
    });
    bar.end();
    await close();
    if (!writes) return;
    // What is whole is worth more than a part of what would take its place.
    if (stop !== undefined && there !== undefined && before.size === 0) throw stop;
    const path = join(folder, await nameOf(heldOut));
    await nodeStorage.makeFolder(folder);
    await writeFileAtomically(nodeStorage, `${path}.csv`, evaluationCsv(result));
    await writeFileAtomically(nodeStorage, `${path}.json`, evaluationJson(result));
    if (stop instanceof Interrupted) {
      throw new Interrupted(
        `interrupted; ${plural(result.cases.length, "case")} of ${plan.cases.length} stand in ${path}.json, and the same command measures the others`,
        stop.exitCode,
      );
    }
    const { preset } = plan.model.description;
    if (json) sayJson(evaluationJson(result));
    else {
      sayText(formatEvaluation(result, preset === null ? {} : { reference: preset }));
      say(`written: ${path}.{csv,json}`);
    }
    const { failures = [] } = result.provenance ?? {};
    if (failures.length > 0) {
      throw new DataError(
        `${failures.length} of ${failures.length + result.cases.length} cases could not be measured: ${listFailures(failures)}; the others are in ${path}.json, and the same command measures what is missing`,
      );
    }
  } finally {
    bar.end();
    device.destroy();
  }
}

/** What is measured, where it is written, and what stands there. */
async function prepare(args: EvaluateArguments) {
  const { run, data, map, includeTraining, tolerance, edge, mirror, precision } = args;
  const model = await readModel(nodeStorage, run, codeTrust(args));
  const plan = await planEvaluation(nodeStorage, run, model, {
    includeTraining,
    mirror,
    precision,
    ...(data === undefined ? {} : { data }),
    ...(map === undefined ? {} : { map }),
    ...(args.postprocessing === undefined ? {} : { postprocessing: args.postprocessing }),
  });
  const folder = args.out ?? join(run, "evaluation");
  await requireApart(nodeStorage, folder, args.out === undefined ? "the folder" : "--out", plan.task);
  if (args.out === undefined) await requireOutput(folder, "folder", "--out");
  const nameOf = (heldOut: boolean): Promise<string> =>
    measurementName(nodeStorage, heldOut ? undefined : plan.task.directory, plan.settings, tolerance, edge);
  if (args.out !== undefined) {
    for (const name of new Set([await nameOf(true), await nameOf(plan.own)])) await requireOwn(join(folder, name), run);
  }
  const there = await readMeasurement(nodeStorage, join(folder, `${await nameOf(plan.own)}.json`));
  return { plan, folder, nameOf, there };
}

/** What must be the same in all processes that measure together, by what it is called. */
const factsOfPlan = (
  { model, settings, cases, failures }: EvaluationPlan,
  { tolerance, edge, atOnce }: EvaluateArguments,
): Record<string, string> => ({
  "the weights": model.sha256,
  "the settings": JSON.stringify({ ...settings, tolerance, edge, atOnce }),
  ...Object.fromEntries(cases.map(({ name, image }) => [`case ${name}`, image])),
  ...Object.fromEntries(failures.map(({ name, error }) => [`case ${name}`, error])),
});

/** What is known before the first case is measured, on the error stream. */
function announce({ notes, failures }: EvaluationPlan): void {
  for (const note of notes) warn(`note: ${note}`);
  for (const { name, error } of failures) warn(`note: ${name} cannot be measured: ${error}`);
}

/** @throws DataError when there is the measurement of another run at a path. */
async function requireOwn(path: string, run: string): Promise<void> {
  const before = await readMeasurement(nodeStorage, `${path}.json`);
  if (before === undefined || before.provenance.run.directory === resolve(run)) return;
  throw new DataError(
    `${path}.json is the measurement of ${before.provenance.run.directory}; name another folder with --out`,
  );
}
