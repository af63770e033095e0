import { nodeStorage } from "@lobule/node";
import {
  type Collective,
  ConfigError,
  type ModelCode,
  RunFolder,
  requireTrusted,
  type TrainingConfig,
} from "@lobule/train";
import { codeTrust } from "../shared/trust-code.js";
import { compileModel } from "./compile-model.js";
import { configFrom } from "./config-from.js";
import { type ResumedChanges, resumedChanges } from "./resume-options.js";
import { givenSettings, type TrainValues } from "./train-options.js";
import { requireTrainOutputs } from "./train-outputs.js";

interface Configured {
  readonly config: TrainingConfig;
  /** Of the configuration's own model. */
  readonly code: ModelCode | undefined;
}

/** A run that is to begin in a folder. */
export interface NewRun extends Configured {
  readonly kind: "new";
  readonly directory: string;
  /** The plan that it was made by, as a YAML file, where it was. */
  readonly plan: string | undefined;
}

/** A run whose steps are to be timed, and which is not trained. */
export interface ProfiledRun extends Configured {
  readonly kind: "profiled";
  /** The trace that is written. */
  readonly file: string;
}

/** A run that is to go on. Its folder has its configuration. */
export interface ResumedRun {
  readonly kind: "resumed";
  readonly directory: string;
  readonly changes: ResumedChanges;
}

/**
 * What `lobule train` is asked for, once nothing speaks against it that can be told without a device.
 * @throws ConfigError, DataError, ModelError, RunError naming the option or the file.
 */
export async function requestedRun(
  args: TrainValues,
  given: ReadonlySet<string>,
  world: Collective,
): Promise<NewRun | ProfiledRun | ResumedRun> {
  const settings = givenSettings(args, given, args.preset === "auto");
  const { resume, out, profile, cache, tuning } = args;
  const written = { out, profile, cache, tuning, config: args.config };
  if (args.preset === "auto" && world.size > 1) {
    throw new ConfigError(
      "'auto' plans in one process; make the plan first, by `lobule plan`, and give it to all processes by --config",
    );
  }
  if (resume !== undefined) {
    await requireTrainOutputs({ ...written, data: undefined, model: undefined });
    return { kind: "resumed", directory: resume, changes: await resumedChanges(resume, settings, given) };
  }
  const { config, plan } = await configFrom(args, settings);
  const goal = goalOf(out, profile, plan);
  if (profile !== undefined && world.size > 1) {
    throw new ConfigError("--profile times the steps of one process; start it without a launcher such as mpirun");
  }
  if (out !== undefined) await RunFolder.requireNone(nodeStorage, out);
  await requireTrainOutputs({ ...written, data: config.data, model: config.model ?? undefined });
  const code = config.model === null ? undefined : await compileModel(config.model);
  // A model that a settings file names was not chosen on the command line.
  if (code !== undefined && !given.has("model")) await requireTrusted(code, codeTrust(args));
  return { ...goal, config, code };
}

/** @throws ConfigError where there is none. */
function goalOf(directory: string | undefined, file: string | undefined, plan: string | undefined) {
  if (file !== undefined) return { kind: "profiled", file } as const;
  if (directory === undefined) throw new ConfigError("name the folder of the new run: --out RUN");
  return { kind: "new", directory, plan } as const;
}
