import { settingProblem, settingSchemaOf } from "@lobule/train";
import { z } from "zod";

/** An experiment that cannot be run; one sentence says what does not fit and what to do. */
export class ExperimentError extends Error {
  override readonly name = "ExperimentError";
}

const count = z.int().positive();
const settings = z.record(z.string(), z.unknown());
/** Values of a grid become parts of folder names. */
const gridValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const experimentSchema = z.strictObject({
  name: z.string().min(1),
  /** Decathlon folder, from the experiment file's folder. */
  data: z.string().min(1),
  /** Settings of the training configuration that all runs share. */
  base: settings.default({}),
  /** Settings laid over those of `base`; the first variant is the baseline. */
  variants: z
    .array(z.strictObject({ name: z.string(), settings: settings.default({}) }))
    .min(1)
    .optional(),
  /** Lists of values by setting, such as "plateau.factor"; every combination is a variant, the first one the baseline. */
  grid: z.record(z.string().min(1), z.array(gridValue).min(1)).optional(),
  seeds: z.array(z.int().min(0)).min(1),
  /** Epochs of every run. */
  epochs: count,
  /** Parts of a cross-validation; the split is that of the training configuration where null. */
  folds: count.min(2).nullable().default(null),
  /** Of the split, which is the same for all seeds. */
  splitSeed: z.int().min(0).default(0),
  successiveHalving: z
    .strictObject({
      /** Epochs after which the worst variants stop, rising, each below `epochs`. */
      rungs: z.array(count).min(1),
      /** Share of the variants that go on, the baseline not counted. */
      keep: z.number().gt(0).lt(1).default(0.5),
      /** What they are ranked by: the mean Dice of the classes, or the loss, on validation. */
      by: z.enum(["dice", "loss"]).default("dice"),
    })
    .nullable()
    .default(null),
});

const experimentForm = settingSchemaOf(experimentSchema);

/** What an experiment file says, all defaults filled in. */
export type Experiment = z.output<typeof experimentSchema>;

/**
 * The experiment that a file describes.
 * @throws ExperimentError naming `source` and the first setting that does not fit.
 */
export function parseExperiment(value: unknown, source: string): Experiment {
  const result = experimentSchema.safeParse(value);
  if (!result.success) {
    const { path, problem } = settingProblem(result.error, value, experimentForm);
    throw new ExperimentError(`${source}: ${path.length === 0 ? "it" : `'${path.join(".")}'`} ${problem}`);
  }
  const experiment = result.data;
  const { variants, grid, seeds, epochs, successiveHalving } = experiment;
  const fail = (sentence: string): never => {
    throw new ExperimentError(`${source}: ${sentence}`);
  };
  if ((variants === undefined) === (grid === undefined)) fail("give either 'variants' or 'grid', not both or neither");
  if (grid !== undefined && Object.keys(grid).length === 0) fail("'grid' names no setting; give a list of values");
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i);
  if (twice !== undefined) fail(`the seed ${twice} comes twice in 'seeds'; each must differ`);
  const { rungs = [] } = successiveHalving ?? {};
  if (rungs.some((rung, i) => rung <= (rungs[i - 1] ?? 0) || rung >= epochs)) {
    fail(`'successiveHalving.rungs' must rise and stay below the ${epochs} epochs, got ${rungs.join(", ")}`);
  }
  return experiment;
}
