import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "@lobule/tensor";
import { type Check, check, failure, largestDifference, relativeDifference, relativeL2 } from "./check.js";
import {
  FixtureError,
  type FixtureObject,
  type FixtureTensor,
  numberOf,
  numbersOf,
  objectOf,
  readJsonObject,
  TensorFile,
} from "./fixture-files.js";
import { checkGradients as compareGradients, type Mode } from "./mode.js";
import { unused } from "./network-fixture.js";
import { TrainingRun } from "./training-run.js";

/** From this distance to the nearest kink on, in standard deviations of f32 rounding, no correct run crosses one. */
const strictSigmas = 50;

/** How far one run may end up from the float64 reference. */
interface Limits {
  /** Absolute, of each step's loss. */
  readonly loss: number;
  /** ‖got − expected‖ / ‖expected‖ over all parameters together. */
  readonly weightsL2: number;
  /** max|got − expected|; infinite where only the band counts. */
  readonly weights: number;
  /** max|got − expected| / max|expected| of each parameter tensor: small biases would hide behind the absolute limit. */
  readonly tensor: number;
  readonly statistics: number;
  /** max|got − expected| / max|expected| of each of Adam's moments. */
  readonly moments: number;
}

/** Moments of gradients that cancel over the steps lose digits which one step from a stored state keeps. */
const strictGate: Limits = {
  loss: 5e-6,
  weightsL2: 2e-5,
  weights: 1e-4,
  tensor: 1e-2,
  statistics: 1e-4,
  moments: 2e-3,
};
const singleStep: Limits = {
  loss: 2e-6,
  weightsL2: 2e-4,
  weights: 3e-4,
  tensor: Infinity,
  statistics: 1e-4,
  moments: 2e-4,
};
/** One ReLU input that changes sign in f32 moves everything after it; ten steps then only have a sanity band. */
const band: Limits = {
  loss: 1e-3,
  weightsL2: 2.5e-2,
  weights: Infinity,
  tensor: Infinity,
  statistics: Infinity,
  moments: Infinity,
};
const firstStep = { loss: 2e-6, gradient: 1e-4 } as const;
const finalLogits = 5e-6;
/**
 * With activations in f16 ReLU inputs change sign in every step, and Adam's normalized step spreads each change: losses,
 * the first gradients, statistics and inference with given weights show whether the work is the same.
 */
const halfBand: Limits = { ...band, loss: 1e-2, weightsL2: 5e-2 };
const halfStep: Limits = { ...halfBand, loss: 2e-3, statistics: 1e-2 };
const half = { loss: 2e-3, finalLogits: 5e-3 } as const;

interface Fixture {
  readonly name: string;
  readonly steps: number;
  readonly losses: readonly number[];
  readonly lossesF32: readonly number[] | undefined;
  readonly batches: TensorFile;
  /** Reference states by the number of steps taken; 0 is the start, which has no moments. */
  readonly states: ReadonlyMap<number, TensorFile>;
  readonly strict: boolean;
  readonly precision: Mode["precision"];
  /** Relative error of torch's own float32 gradient of step 1, by parameter. */
  readonly torchErrors: ReadonlyMap<string, number>;
}

/** How much further off than torch in float32 a value may be whose terms cancel; the oracle's factor for operations. */
const torchFactor = 10;

/**
 * Checks one `train_*` folder: all steps from the start, single steps from every stored state (Adam's included), the
 * first gradients, and inference with the final weights. How strictly follows from `flip_score_sigmas`.
 * @throws FixtureError when a file is missing or broken.
 */
export async function checkTrainingFolder(device: Device, folder: string, name: string, mode: Mode): Promise<Check[]> {
  const open = (file: string): Promise<TensorFile> => TensorFile.read(join(folder, `${file}.safetensors`));
  const info = await readJsonObject(join(folder, "info.json"));
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".safetensors"))
    .map((file) => file.slice(0, -".safetensors".length));
  const intermediate: [number, TensorFile][] = [];
  for (const file of files) {
    const step = /^after_step(\d+)_f64$/.exec(file)?.[1];
    if (step !== undefined) intermediate.push([Number(step), await open(file)]);
  }
  const steps = numberOf(info.steps, `${name}/info.json: steps`);
  const losses = numbersOf(info.loss_f64, `${name}/info.json: loss_f64`);
  const fixture: Fixture = {
    name,
    steps,
    losses,
    lossesF32: info.loss_f32 === undefined ? undefined : numbersOf(info.loss_f32, `${name}/info.json: loss_f32`),
    batches: await open("batches"),
    states: new Map([[0, await open("start")], ...intermediate, [steps, await open("final_f64")]]),
    strict: numberOf(info.flip_score_sigmas, `${name}/info.json: flip_score_sigmas`) >= strictSigmas,
    precision: mode.precision,
    torchErrors: torchErrorsOf(info, name),
  };
  const known = new Set(["batches", "start", "final_f64", "final_f32", "final_eval_f64", "grads_step1_f64"]);
  const strangers = files.filter((file) => !known.has(file) && !/^after_step\d+_f64$/.test(file));
  const run = await TrainingRun.open(
    device,
    fixture.states.get(0) as TensorFile,
    fixture.batches,
    optimizerOf(info, name),
    mode,
  );
  try {
    return [
      ...strangers.map((file) => failure(`${name}/${file}`, "–", "the file is not part of a training fixture")),
      ...checkInfo(fixture, info, run),
      ...(await checkAllSteps(run, fixture, await open("grads_step1_f64"), await open("final_f32"))),
      ...(await checkSingleSteps(run, fixture)),
      ...(await checkFinalLogits(run, fixture, await open("final_eval_f64"))),
      ...[fixture.batches, ...fixture.states.values()].flatMap((file) => unused(file.label, file)),
    ];
  } finally {
    run.destroy();
  }
}

/** All steps from the start, each compared with what is stored of it. */
async function checkAllSteps(
  run: TrainingRun,
  fixture: Fixture,
  gradients: TensorFile,
  finalF32: TensorFile,
): Promise<Check[]> {
  const { name, steps, losses, lossesF32, states, strict, precision, torchErrors } = fixture;
  const limits = precision === "f16" ? halfBand : strict ? strictGate : band;
  const first = precision === "f16" ? half : firstStep;
  const checks: Check[] = [];
  run.load(states.get(0) as TensorFile, 0);
  for (let step = 1; step <= steps; step++) {
    const at = `${name}/step ${step} from start`;
    const loss = await run.step(step);
    checks.push(
      check(at, "loss", Math.abs(loss - (losses[step - 1] as number)), step === 1 ? first.loss : limits.loss),
    );
    const other = lossesF32?.[step - 1];
    if (other !== undefined) checks.push(check(at, "loss of torch f32", Math.abs(loss - other), limits.loss));
    if (step === 1) checks.push(...(await checkGradients(run, fixture, gradients)));
    const expected = states.get(step);
    if (expected !== undefined) checks.push(...(await compareState(run, at, expected, limits, torchErrors)));
    if (step === steps)
      checks.push(...(await compareState(run, `${name}/final of torch f32`, finalF32, limits, torchErrors)));
  }
  return [...checks, ...unused(finalF32.label, finalF32)];
}

async function checkGradients(
  run: TrainingRun,
  { name: folder, precision, torchErrors }: Fixture,
  file: TensorFile,
): Promise<Check[]> {
  const fixture = `${folder}/gradients of step 1`;
  const found: [string, Float32Array, Float32Array][] = [];
  for (const name of run.parameterNames) found.push([name, await run.gradient(name), file.take(name).data]);
  const limitOf = (name: string): number => Math.max(firstStep.gradient, torchFactor * (torchErrors.get(name) ?? 0));
  const checks = compareGradients(fixture, found, { precision }, limitOf);
  return [...checks, ...unused(file.label, file)];
}

/** One step from each stored state: its loss, and the next state where that is stored too. */
async function checkSingleSteps(run: TrainingRun, fixture: Fixture): Promise<Check[]> {
  const { name, steps, losses, states, strict, precision, torchErrors } = fixture;
  const { loss: lossLimit, moments } = precision === "f16" ? halfStep : singleStep;
  const ofSingle = strict ? { ...strictGate, loss: lossLimit, moments } : singleStep;
  const limits = precision === "f16" ? halfStep : ofSingle;
  const checks: Check[] = [];
  for (const [taken, state] of [...states].sort(([a], [b]) => a - b)) {
    if (taken >= steps) continue;
    const at = `${name}/single step ${taken + 1}`;
    run.load(state, taken);
    const loss = await run.step(taken + 1);
    checks.push(check(at, "loss", Math.abs(loss - (losses[taken] as number)), lossLimit));
    const expected = states.get(taken + 1);
    if (expected !== undefined) checks.push(...(await compareState(run, at, expected, limits, torchErrors)));
  }
  return checks;
}

async function checkFinalLogits(
  run: TrainingRun,
  { name, steps, states, precision }: Fixture,
  file: TensorFile,
): Promise<Check[]> {
  run.load(states.get(steps) as TensorFile, steps);
  const { data } = file.take("logits_batch0");
  const error = relativeDifference(await run.inference(0), data);
  return [
    check(`${name}/final eval`, "logits_batch0", error, precision === "f16" ? half.finalLogits : finalLogits),
    ...unused(file.label, file),
  ];
}

/** Weights together, each statistic and, where stored, each moment. */
async function compareState(
  run: TrainingRun,
  fixture: string,
  file: TensorFile,
  limits: Limits,
  torchErrors: Fixture["torchErrors"],
): Promise<Check[]> {
  const expected = file.takeAll();
  const got = await run.state();
  const pairs = (names: readonly string[]): [string, Float32Array, Float32Array][] =>
    names.map((name) => [name, got.get(name)?.data ?? new Float32Array(), (expected.get(name) as FixtureTensor).data]);
  const names = [...expected.keys()];
  const unknown = names.filter((name) => !got.has(name));
  const isMoment = (name: string): boolean => /^exp_avg(_sq)?\./.test(name);
  const missing = [...got.keys()].filter((name) => !expected.has(name) && !(isMoment(name) && !names.some(isMoment)));
  const weights = pairs(names.filter((name) => run.parameterNames.includes(name)));
  const statistics = pairs(names.filter((name) => /\.running_(mean|var)$/.test(name)));
  const moments = pairs(names.filter(isMoment));
  const worst = (
    each: readonly [string, Float32Array, Float32Array][],
    error: typeof largestDifference,
  ): readonly [string, number] =>
    each.reduce<readonly [string, number]>(
      (before, [name, a, b]) => {
        const found = error(a, b);
        return found <= before[1] ? before : [name, found];
      },
      ["", 0],
    );
  const row = (what: string, [name, error]: readonly [string, number], limit: number): Check[] =>
    limit === Infinity ? [] : [check(fixture, name === "" ? what : `${what} ${name}`, error, limit)];
  return [
    ...unknown.map((name) => failure(fixture, name, "the network has no such tensor")),
    ...missing.map((name) => failure(fixture, name, `${file.label} has no such tensor`)),
    check(fixture, "weights L2", relativeL2(weights.map(([, a, b]) => [a, b])), limits.weightsL2),
    ...row("weights", worst(weights, largestDifference), limits.weights),
    ...row("weights/max", worst(weights, relativeDifference), limits.tensor),
    ...row("statistics", worst(statistics, largestDifference), limits.statistics),
    ...momentRows(fixture, moments, limits.moments, torchErrors),
  ];
}

/** The moment that is furthest beyond, or nearest to, its limit: a square doubles the relative error of a gradient. */
function momentRows(
  fixture: string,
  moments: readonly [string, Float32Array, Float32Array][],
  limit: number,
  torchErrors: Fixture["torchErrors"],
): Check[] {
  if (limit === Infinity) return [];
  const checks = moments.map(([name, got, expected]) => {
    const torchError = torchErrors.get(name.replace(/^exp_avg(_sq)?\./, "")) ?? 0;
    const allowed = Math.max(limit, (name.startsWith("exp_avg_sq.") ? 2 : 1) * torchFactor * torchError);
    return check(fixture, `moments ${name}`, relativeDifference(got, expected), allowed);
  });
  // What is NaN is beyond every limit.
  const closeness = ({ error, limit: allowed }: Check): number => (Number.isNaN(error) ? Infinity : error / allowed);
  const [worst] = checks.sort((a, b) => closeness(b) - closeness(a));
  return worst === undefined ? [] : [worst];
}

/** Relative errors of torch's float32 gradients, where the fixture states them. */
function torchErrorsOf(info: FixtureObject, name: string): Map<string, number> {
  if (info.grads_step1_f32_rel === undefined) return new Map();
  const at = `${name}/info.json: grads_step1_f32_rel`;
  const errors = objectOf(info.grads_step1_f32_rel, at);
  return new Map(Object.entries(errors).map(([key, value]) => [key, numberOf(value, `${at}: ${key}`)]));
}

function optimizerOf(info: FixtureObject, name: string) {
  const at = `${name}/info.json: optimizer`;
  const optimizer = objectOf(info.optimizer, at);
  if (optimizer.name !== "Adam" || optimizer.amsgrad === true) {
    throw new FixtureError(`${at}: only Adam without amsgrad is known, got ${JSON.stringify(optimizer)}`);
  }
  const [beta1, beta2] = numbersOf(optimizer.betas, `${at}.betas`) as [number, number];
  return {
    learningRate: numberOf(optimizer.lr, `${at}.lr`),
    beta1,
    beta2,
    epsilon: numberOf(optimizer.eps, `${at}.eps`),
    weightDecay: numberOf(optimizer.weight_decay, `${at}.weight_decay`),
  };
}

/** The numbers of `info.json` that the tensors repeat, and the lengths of its lists. */
function checkInfo(
  { name, steps, losses, lossesF32, batches }: Fixture,
  info: FixtureObject,
  run: TrainingRun,
): Check[] {
  const at = `${name}/info.json`;
  const shape = batches.take("input.0").shape;
  const field = (key: string): number => numberOf(info[key], `${at}: ${key}`);
  const count = batches.names.filter((each) => each.startsWith("input.")).length;
  return [
    check(at, "F", Math.abs(field("F") - run.baseFeatures), 0),
    check(
      at,
      "batch, size",
      largestDifference([field("batch"), field("size"), field("size")], [shape[0] ?? 0, shape[2] ?? 0, shape[3] ?? 0]),
      0,
    ),
    check(at, "steps", largestDifference([losses.length, lossesF32?.length ?? steps, count], [steps, steps, steps]), 0),
  ];
}
