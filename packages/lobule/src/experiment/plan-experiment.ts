import { ConfigError, presetOf, resolveLayers, type TrainingConfig } from "@lobule/train";
import { type Experiment, ExperimentError, type LineOf } from "./experiment-file.js";

/** One training run of an experiment. */
export interface PlannedRun {
  /** Its folder within the experiment's. */
  readonly name: string;
  readonly variant: string;
  readonly config: TrainingConfig;
}

interface Variant {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Where one of the settings is in the experiment. */
  readonly pathOf: (path: readonly PropertyKey[]) => readonly PropertyKey[];
}

/** Settings that are the experiment's own: they would make budgets, cases or the order of samples differ. */
const ownSettings: Readonly<Record<string, string>> = {
  data: "'data' of the experiment",
  epochs: "'epochs' of the experiment",
  seed: "'seeds' of the experiment",
  splitSeed: "'splitSeed' of the experiment",
  fold: "'folds' of the experiment",
};
/** Settings that say which cases are used and how long is trained: the same for all variants. */
const sharedSettings = [
  "preset",
  "maxSlices",
  "limitCases",
  "trainFraction",
  "validationCases",
  "overfitBatches",
  "stepsPerEpoch",
  "fastDevRun",
];

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._=,+-]{0,99}$/;

/**
 * All runs of an experiment: variant by variant, the baseline first, each with every seed and fold. Runs of a seed and a
 * fold have the same split, start from the same seed and see the same samples in the same order, for as many epochs;
 * early stopping is off unless `base` or a variant sets it.
 * @param data the Decathlon folder's full path.
 * @throws ExperimentError or ConfigError naming `source` and what does not fit.
 */
export function planExperiment(
  experiment: Experiment,
  data: string,
  source: string,
  lineOf: LineOf = () => "",
): PlannedRun[] {
  const { base, seeds, folds } = experiment;
  const variants = variantsOf(experiment);
  refuseNames(variants, experiment.grid !== undefined, source);
  refuse(base, Object.keys(ownSettings), (key) => `${source}: 'base' sets '${key}', which is ${ownSettings[key]}`);
  for (const variant of variants) refuseSettings(variant, source);
  const resolve = resolver(experiment, data, lineOf);
  const parts: readonly Fold[] =
    folds === null ? [null] : Array.from({ length: folds }, (_, index) => ({ index, of: folds }));
  const runs = variants.flatMap((variant) =>
    seeds.flatMap((seed) =>
      parts.map((fold) => ({
        name: `${variant.name}-seed${seed}${fold === null ? "" : `-fold${fold.index}`}`,
        variant: variant.name,
        config: configOf(`${source}: the variant '${variant.name}'`, () => resolve(variant, seed, fold)),
      })),
    ),
  );
  if (variants.length < 2) {
    throw new ExperimentError(
      `${source}: there is nothing to compare: the experiment has one variant, '${variants[0]?.name}'; add another`,
    );
  }
  return runs;
}

type Fold = TrainingConfig["fold"];

/** The configuration of a variant's run: the experiment's settings, then its own, then what every run must have. */
function resolver(
  { base, epochs, splitSeed }: Experiment,
  data: string,
  lineOf: LineOf,
): (variant: Variant, seed: number, fold: Fold) => TrainingConfig {
  const preset = presetOf(base.preset);
  // The seed's default is of no account where the cases are named.
  const ownSplitSeed = base.validationCases == null || splitSeed !== 0 ? splitSeed : null;
  return ({ settings, pathOf }, seed, fold) =>
    resolveLayers(preset, [
      { settings: { earlyStopping: { patience: epochs } }, nameOf: quoted },
      { settings: base, nameOf: (path) => `${quoted(path)}${lineOf(["base", ...path])}` },
      { settings, nameOf: (path) => `${quoted(path)}${lineOf(pathOf(path))}` },
      { settings: { data, epochs, seed, splitSeed: ownSplitSeed, fold }, nameOf: quoted },
    ]);
}

/** @throws ExperimentError where a variant's name, made of its values in a grid, is no folder's, or two are the same. */
function refuseNames(variants: readonly Variant[], inGrid: boolean, source: string): void {
  const seen = new Set<string>();
  for (const { name } of variants) {
    if (!namePattern.test(name)) {
      throw new ExperimentError(
        `${source}: the variant name '${name}' cannot be a folder's; ${inGrid ? "give the variants of such values names of their own, by 'variants' in place of 'grid'" : "use up to 100 letters, digits and . _ = , + - beginning with a letter or digit"}`,
      );
    }
    // Some file systems do not tell capitals from small letters.
    if (seen.has(name.toLowerCase())) {
      throw new ExperimentError(
        `${source}: two variants are named '${name}'; ${inGrid ? "the values of a setting" : "names"} must differ, also without capitals`,
      );
    }
    seen.add(name.toLowerCase());
  }
}

/** @throws ExperimentError where a variant sets what is the experiment's, or the same for all. */
function refuseSettings({ name, settings }: Variant, source: string): void {
  const where = `${source}: the variant '${name}' sets`;
  refuse(settings, Object.keys(ownSettings), (key) => `${where} '${key}', which is ${ownSettings[key]}`);
  refuse(
    settings,
    sharedSettings,
    (key) => `${where} '${key}', which must be the same for all runs; move it to 'base'`,
  );
}

/** @throws ExperimentError that names the variant where its configuration does not fit. */
function configOf(where: string, resolve: () => TrainingConfig): TrainingConfig {
  try {
    return resolve();
  } catch (error) {
    throw error instanceof ConfigError ? new ExperimentError(`${where}: ${error.message}`) : error;
  }
}

function refuse(
  settings: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  sentence: (key: string) => string,
): void {
  const found = keys.find((key) => key in settings);
  if (found !== undefined) throw new ExperimentError(sentence(found));
}

const quoted = (path: readonly PropertyKey[]): string => `'${path.join(".")}'`;

function variantsOf({ variants, grid }: Experiment): readonly Variant[] {
  if (variants !== undefined) {
    return variants.map((variant, i) => ({ ...variant, pathOf: (path) => ["variants", i, "settings", ...path] }));
  }
  const axes = Object.entries(grid ?? {});
  const last = (path: string): string => path.split(".").at(-1) ?? path;
  const short = axes.map(([path]) => last(path));
  const nameOf = (path: string): string => (short.filter((each) => each === last(path)).length > 1 ? path : last(path));
  return axes.reduce<readonly Variant[]>(
    (before, [path, values]) =>
      before.flatMap(({ name, settings, pathOf }) =>
        values.map((value) => ({
          name: `${name === "" ? "" : `${name},`}${nameOf(path)}=${value}`,
          settings: withSetting(settings, path.split("."), value),
          pathOf,
        })),
      ),
    [{ name: "", settings: {}, pathOf: (path) => ["grid", path.join(".")] }],
  );
}

/** The settings with one more, whose groups are made where they are missing. */
function withSetting(
  settings: Readonly<Record<string, unknown>>,
  [key = "", ...rest]: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const inner = settings[key];
  const group = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : {};
  return { ...settings, [key]: rest.length === 0 ? value : withSetting(group, rest, value) };
}
