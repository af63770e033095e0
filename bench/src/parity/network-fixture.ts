import { readdirSync } from "node:fs";
import { join } from "node:path";
import { deeplySupervised, diceCrossEntropy, type Target, type UNet } from "@lobule/nn";
import { compile, type Device, type Image, type Program, type Tensor } from "@lobule/tensor";
import { type Check, check, failure, largestDifference, relativeDifference } from "./check.js";
import {
  type FixtureObject,
  type FixtureTensor,
  imageShapeOf,
  isFile,
  numberOf,
  numbersOf,
  readJsonObject,
  TensorFile,
  targetShapeOf,
} from "./fixture-files.js";
import { checkGradients, lossGradients, type Mode, named, optionsFor } from "./mode.js";
import { baseFeaturesOf, loadState, networkOf, specIn, spelledOutForward } from "./network.js";

/** Limits of a network against float64, by how activations are stored. Relative ones are max|got − expected| / max|expected| of a tensor. */
const limitsIn = {
  f32: {
    loss: 2e-6,
    trainingLogits: 5e-5,
    inferenceLogits: 5e-6,
    gradient: 2e-4,
    statistics: 5e-5,
    info: 1e-6,
  },
  f16: { loss: 2e-3, trainingLogits: 3e-2, inferenceLogits: 5e-3, gradient: 0.3, statistics: 1e-2, info: 1e-6 },
} as const;

type Network = UNet<number, number>;

const knownFiles = ["weights", "io", "grads", "running_after", "activations"];

/**
 * Checks one `net_*` folder: forward and backward in training, running statistics, inference, every intermediate
 * tensor, and each `rect_*` file with the same weights on another shape.
 * @throws FixtureError when a file is missing or broken.
 */
export async function checkNetwork(device: Device, folder: string, fixture: string, mode: Mode): Promise<Check[]> {
  const limits = limitsIn[mode.precision];
  const open = (name: string): Promise<TensorFile> => TensorFile.read(join(folder, `${name}.safetensors`));
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".safetensors"))
    .map((name) => name.slice(0, -".safetensors".length));
  const rectangles = names.filter((name) => name.startsWith("rect_"));
  const strangers = names.filter((name) => !knownFiles.includes(name) && !rectangles.includes(name));
  const [weights, io] = [await open("weights"), await open("io")];
  const info = await readJsonObject(join(folder, "info.json"));
  const model = networkOf(weights, specIn(info, `${fixture}/info.json`));
  const runner = new Runner(device, model, weights, mode);
  const checks = [
    ...strangers.map((name) => failure(`${fixture}/${name}`, "–", "the file is not part of a network fixture")),
    ...checkInfo(info, fixture, model, io),
    ...(await checkTraining(runner, fixture, io, (await open("grads")).takeAll())),
  ];
  // The running statistics are now those after one training step.
  const after = await open("running_after");
  const statistics = new Map([...model.namedVariables()].filter(([, { role }]) => role === "statistic"));
  for (const [name, expected] of after.takeAll()) {
    const variable = statistics.get(name);
    checks.push(
      variable === undefined
        ? failure(`${fixture}/running_after`, name, "the network has no such statistic")
        : check(
            `${fixture}/running_after`,
            name,
            relativeDifference(await variable.read(), expected.data),
            limits.statistics,
          ),
    );
    statistics.delete(name);
  }
  for (const name of statistics.keys())
    checks.push(failure(`${fixture}/running_after`, name, "the fixture has no such statistic"));
  checks.push(
    await checkInference(runner, `${fixture}/eval after step`, io, "logits_eval_after_step"),
    await checkInference(runner.reset(), `${fixture}/eval`, io, "logits_eval"),
    ...unused(`${fixture}/io`, io),
  );
  if (isFile(join(folder, "activations.safetensors"))) {
    checks.push(...(await checkActivations(runner.reset(), `${fixture}/activations`, io, await open("activations"))));
  }
  for (const name of rectangles) {
    const file = await open(name);
    checks.push(
      ...(await checkTraining(runner.reset(), `${fixture}/${name}`, file, file.takeAll("grad."))),
      await checkInference(runner.reset(), `${fixture}/${name} eval`, file, "logits_eval"),
      ...unused(`${fixture}/${name}`, file),
    );
  }
  return checks;
}

export const unused = (fixture: string, file: TensorFile): Check[] =>
  file.unused.map((name) => failure(fixture, name, "nothing checks this tensor"));

/** A model on a device, with the weights that it can be set back to. */
class Runner {
  constructor(
    private readonly device: Device,
    readonly model: Network,
    private readonly weights: TensorFile,
    readonly mode: Mode,
  ) {}

  reset(): this {
    loadState(this.model, this.weights.takeAll(), this.weights.label);
    return this;
  }

  /** Compiles and runs once. The function reads the outputs; it is good until this returns. */
  async run<T>(
    file: TensorFile,
    build: (image: Image, target: Target) => Readonly<Record<string, Tensor>>,
    use: (read: (name: string) => Promise<Float32Array>, program: Program) => Promise<T>,
  ): Promise<T> {
    const image = file.take("input");
    const target = file.take("target", targetShapeOf(image));
    const program = compile(
      {
        inputs: {
          image: { shape: imageShapeOf(image), dtype: "f32" },
          target: { shape: targetShapeOf(image), dtype: "u32" },
        },
        build: (inputs) => ({ outputs: build(inputs.image, inputs.target) }),
      },
      optionsFor(this.device, this.mode),
    );
    const loaded = await program.load(this.device);
    try {
      await loaded.run({ image: image.data, target: Uint32Array.from(target.data) });
      return await use(async (name) => (await loaded.read(name)) as Float32Array, program);
    } finally {
      loaded.destroy();
    }
  }
}

/** Forward, loss and every gradient in training mode. Tensors that the file lacks are left out. */
async function checkTraining(
  runner: Runner,
  fixture: string,
  file: TensorFile,
  expected: ReadonlyMap<string, FixtureTensor>,
): Promise<Check[]> {
  const { model, mode } = runner;
  const limits = limitsIn[mode.precision];
  const parameters = model.train().namedParameters();
  return runner.run(
    file,
    (image, target) => {
      const levels = model.forwardAll(image);
      const [logits] = levels;
      const { loss, pixelLoss, overlapLoss } = deeplySupervised(levels, (each) => diceCrossEntropy(each, target));
      const names = [...parameters.keys()].map((name) => `parameter ${name}`);
      const found = lossGradients(loss, [logits, image, ...parameters.values()], mode);
      return {
        logits_train: logits,
        loss,
        ce: pixelLoss,
        dice_loss: overlapLoss,
        ...named(["grad_logits", "grad_input", ...names], found),
      };
    },
    async (read) => {
      const checks: Check[] = [];
      for (const name of ["loss", "ce", "dice_loss"].filter((each) => each === "loss" || file.has(each))) {
        checks.push(check(fixture, name, largestDifference(await read(name), file.take(name).data), limits.loss));
      }
      checks.push(
        check(
          fixture,
          "logits_train",
          relativeDifference(await read("logits_train"), file.take("logits_train").data),
          limits.trainingLogits,
        ),
      );
      for (const name of ["grad_logits", "grad_input"].filter((each) => file.has(each))) {
        checks.push(check(fixture, name, relativeDifference(await read(name), file.take(name).data), limits.gradient));
      }
      const found: [string, Float32Array, Float32Array][] = [];
      for (const [name, { data }] of expected) {
        if (parameters.has(name)) found.push([`grad ${name}`, await read(`parameter ${name}`), data]);
        else checks.push(failure(fixture, `grad ${name}`, "the network has no such parameter"));
      }
      checks.push(...checkGradients(fixture, found, mode, () => limits.gradient));
      const missing = [...parameters.keys()].filter((name) => !expected.has(name));
      return [
        ...checks,
        ...missing.map((name) => failure(fixture, `grad ${name}`, "the fixture has no such gradient")),
      ];
    },
  );
}

async function checkInference(runner: Runner, fixture: string, file: TensorFile, expected: string): Promise<Check> {
  runner.model.eval();
  const limits = limitsIn[runner.mode.precision];
  return runner.run(
    file,
    (image) => ({ logits: runner.model.forward(image) }),
    async (read) =>
      check(
        fixture,
        expected,
        relativeDifference(await read("logits"), file.take(expected).data),
        limits.inferenceLogits,
      ),
  );
}

async function checkActivations(runner: Runner, fixture: string, io: TensorFile, file: TensorFile): Promise<Check[]> {
  runner.model.train();
  const limits = limitsIn[runner.mode.precision];
  return runner.run(
    io,
    (image, target) => {
      const activations = spelledOutForward(runner.model, image);
      const { loss } = diceCrossEntropy(activations.get("logits") as Image, target);
      const found = lossGradients(loss, [...activations.values()], runner.mode);
      const names = [...activations.keys()];
      return {
        ...named(
          names.map((name) => `act.${name}`),
          [...activations.values()],
        ),
        ...named(
          names.map((name) => `grad.${name}`),
          found,
        ),
      };
    },
    async (read, { outputs }) => {
      const checks: Check[] = [];
      for (const name of file.names.filter((each) => outputs[each] !== undefined)) {
        const limit = name.startsWith("act.") ? limits.trainingLogits : limits.gradient;
        checks.push(check(fixture, name, relativeDifference(await read(name), file.take(name).data), limit));
      }
      return [...checks, ...unused(fixture, file)];
    },
  );
}

/** The numbers of `info.json` that the tensors repeat. @throws FixtureError when it is broken. */
function checkInfo(info: FixtureObject, fixture: string, model: Network, io: TensorFile): Check[] {
  const at = `${fixture}/info.json`;
  const scalars = ["loss", "ce", "dice_loss"].filter((name) => name in info && io.has(name));
  const shape = "input" in info ? numbersOf(info.input, `${at}: input`) : io.take("input").shape;
  const features = baseFeaturesOf(model);
  return [
    check(at, "F", Math.abs(numberOf(info.F, `${at}: F`) - features), 0),
    check(at, "input", largestDifference(io.take("input").shape, shape), 0),
    ...scalars.map((name) =>
      check(
        at,
        name,
        relativeDifference(io.take(name).data, [numberOf(info[name], `${at}: ${name}`)]),
        limitsIn.f32.info,
      ),
    ),
  ];
}
