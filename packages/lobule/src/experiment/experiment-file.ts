import { plural, type SettingSchema, settingProblem, settingSchemaOf } from "@lobule/data";
import { settingsFileSchema } from "@lobule/train";
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
  name: z.string().min(1).describe("what the experiment is called"),
  data: z
    .string()
    .min(1)
    .meta({ title: "a Decathlon folder", description: "Decathlon folder, named from the experiment file's folder" }),
  base: settings.default({}).describe("settings of all runs, as in a run's config.json"),
  variants: z
    .array(
      z.strictObject({
        name: z.string().describe("name of the variant, a part of the names of its folders"),
        settings: settings.default({}).describe("settings that are laid over those of base"),
      }),
    )
    .min(1)
    .optional()
    .describe("variants by name, each with settings over base; the first is the baseline"),
  grid: z
    .record(z.string().min(1), z.array(gridValue).min(1))
    .optional()
    .describe(
      "instead of variants: lists of values by setting; every combination is a variant, the first the baseline",
    ),
  seeds: z.array(z.int().min(0)).min(1).describe("seeds that every variant gets"),
  epochs: count.describe("epochs of every run"),
  folds: count
    .min(2)
    .nullable()
    .default(null)
    .describe("parts of a cross-validation by case; by default there is one split"),
  splitSeed: z
    .int()
    .min(0)
    .default(0)
    .describe("seed of the split into training and validation, the same for all seeds of runs"),
  successiveHalving: z
    .strictObject({
      rungs: z
        .array(count)
        .min(1)
        .describe("epochs after which the worst variants stop: rising numbers, each below that of all epochs"),
      keep: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.5)
        .describe("share of the variants that are continued, the baseline not counted"),
      by: z
        .enum(["dice", "loss"])
        .default("dice")
        .describe("what variants are ranked by: the mean Dice of the classes, or the loss, in validation"),
    })
    .nullable()
    .default(null)
    .describe("stop the worst variants early"),
});

const experimentForm = settingSchemaOf(experimentSchema);

/** What an experiment file says, all defaults filled in. */
export type Experiment = z.output<typeof experimentSchema>;

/** What the machinery that trains several runs needs of an experiment, or of a cross-validation; the rest is kept with them. */
export type TrainedTogether = Pick<Experiment, "data" | "epochs" | "successiveHalving">;

/** What an experiment file must look like, for editors: JSON schema, with the settings of training in their places. */
export function experimentFileSchema(): SettingSchema {
  const { $schema: _, ...training } = settingsFileSchema();
  const form = structuredClone(experimentForm);
  const { base, variants } = form.properties ?? {};
  const [variant] = typeof variants === "object" ? [variants.items].flat() : [];
  for (const group of [base, typeof variant === "object" ? variant.properties?.settings : undefined]) {
    if (typeof group === "object") Object.assign(group, training, { description: group.description });
  }
  return form;
}

/** Says where in the file the setting at a path is: " (line 4)", or nothing. */
export type LineOf = (path: readonly PropertyKey[]) => string;

/**
 * The experiment that a file describes.
 * @throws ExperimentError naming `source` and the first setting that does not fit.
 */
export function parseExperiment(value: unknown, source: string, lineOf: LineOf = () => ""): Experiment {
  const result = experimentSchema.safeParse(value);
  if (!result.success) {
    const { path, problem } = settingProblem(result.error, value, experimentForm);
    const name = path.length === 0 ? "it" : `'${path.join(".")}'`;
    throw new ExperimentError(`${source}: ${name}${lineOf(path)} ${problem}`);
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
    fail(`'successiveHalving.rungs' must rise and stay below the ${plural(epochs, "epoch")}, got ${rungs.join(", ")}`);
  }
  return experiment;
}
