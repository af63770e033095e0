import { diceCrossEntropy, type StateDict, type UNet } from "@lobule/nn";
import { Adam, type AdamOptions, OptimizerStateError } from "@lobule/optim";
import { compile, type Device, type LoadedProgram } from "@lobule/tensor";
import { FixtureError, type FixtureTensor, imageShapeOf, type TensorFile, targetShapeOf } from "./fixture-files.js";
import { lossGradients, type Mode, named, optionsFor } from "./mode.js";
import { baseFeaturesOf, loadState, networkOf } from "./network.js";

/** A network with its optimizer and one program for its training step, which all the runs of a fixture share. */
export class TrainingRun {
  private constructor(
    private readonly model: UNet<number, number>,
    private readonly optimizer: Adam,
    private readonly batches: TensorFile,
    private readonly training: LoadedProgram,
    private readonly prediction: LoadedProgram,
  ) {}

  /** @throws FixtureError when the start state is no network's. */
  static async open(
    device: Device,
    start: TensorFile,
    batches: TensorFile,
    options: AdamOptions,
    mode: Mode,
  ): Promise<TrainingRun> {
    const model = networkOf(start);
    const parameters = model.namedParameters();
    const optimizer = new Adam(parameters, options);
    const first = batches.take("input.0");
    const image = { shape: imageShapeOf(first), dtype: "f32" } as const;
    const training = compile(
      {
        inputs: {
          image,
          target: { shape: targetShapeOf(first), dtype: "u32" },
          hyper: { shape: [8], dtype: "f32" },
        },
        build: (inputs) => {
          const logits = model.train().forward(inputs.image);
          const { loss } = diceCrossEntropy(logits, inputs.target);
          const found = lossGradients(loss, optimizer.parameters, mode);
          return {
            outputs: {
              loss,
              ...named(
                [...parameters.keys()].map((name) => `gradient ${name}`),
                found,
              ),
            },
            updates: [optimizer.update(found, inputs.hyper)],
          };
        },
      },
      optionsFor(device, mode),
    );
    const prediction = compile(
      {
        inputs: { image },
        build: (inputs) => ({ outputs: { logits: model.eval().forward(inputs.image) } }),
      },
      optionsFor(device, mode),
    );
    return new TrainingRun(model, optimizer, batches, await training.load(device), await prediction.load(device));
  }

  get baseFeatures(): number {
    return baseFeaturesOf(this.model);
  }

  get parameterNames(): readonly string[] {
    return [...this.model.namedParameters().keys()];
  }

  /** Sets weights, statistics and moments; before the first step the moments are zero. @throws FixtureError when they do not fit. */
  load(file: TensorFile, steps: number): void {
    const all = file.takeAll();
    const isMoment = (name: string): boolean => /^exp_avg(_sq)?\./.test(name);
    const only = (keep: (name: string) => boolean): Map<string, FixtureTensor> =>
      new Map([...all].filter(([name]) => keep(name)));
    loadState(
      this.model,
      only((name) => !isMoment(name)),
      file.label,
    );
    if (steps === 0) {
      for (const moment of [...this.optimizer.firstMoments, ...this.optimizer.secondMoments]) {
        moment.write(new Float32Array(moment.initial.length));
      }
      this.optimizer.steps = 0;
      return;
    }
    try {
      this.optimizer.loadStateDict(only(isMoment), steps);
    } catch (error) {
      if (error instanceof OptimizerStateError) throw new FixtureError(`${file.label}: ${error.message}`);
      throw error;
    }
  }

  /** Runs step `step` (from 1) on its batch and returns the loss. */
  async step(step: number): Promise<number> {
    await this.training.run({
      image: this.batches.take(`input.${step - 1}`).data,
      target: Uint32Array.from(this.batches.take(`target.${step - 1}`).data),
      hyper: this.optimizer.advance(),
    });
    return (await this.training.read("loss"))[0] ?? Number.NaN;
  }

  /** A parameter's gradient in the last step. */
  async gradient(name: string): Promise<Float32Array> {
    return (await this.training.read(`gradient ${name}`)) as Float32Array;
  }

  /** Logits in inference mode. */
  async inference(batch: number): Promise<Float32Array> {
    await this.prediction.run({ image: this.batches.take(`input.${batch}`).data });
    return (await this.prediction.read("logits")) as Float32Array;
  }

  /** Weights, statistics and moments as they are now. */
  async state(): Promise<StateDict> {
    return new Map([...(await this.model.stateDict()), ...(await this.optimizer.stateDict())]);
  }

  destroy(): void {
    this.training.destroy();
    this.prediction.destroy();
  }
}
