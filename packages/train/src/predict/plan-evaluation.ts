import {
  type CaseFiles,
  channelsOfFile,
  commandText,
  DataError,
  type DecathlonTask,
  gridDifference,
  isSameFile,
  plural,
  readDecathlon,
  readNiftiHeader,
  type Storage,
} from "@lobule/data";
import { z } from "zod";
import { type LabelMapping, mapLabels, sameNames } from "../evaluation/label-mapping.js";
import type { EvaluationSettings, Provenance } from "../evaluation/provenance.js";
import type { SavedModel } from "../model/load-model.js";
import type { ModelDescription } from "../model/model-description.js";
import { otherWeightsNote, type Postprocessing, postprocessingText } from "../model/postprocessing.js";
import { isForeignModel } from "../model/save-model.js";
import { KnownCases } from "../run/known-cases.js";
import { RunFolder } from "../run/run-folder.js";
import { type RunProgress, runProgressOf } from "../run/run-progress.js";
import type { CaseFailure } from "./evaluate-cases.js";

/** What a run is to be measured on. */
export interface EvaluationRequest {
  /** Another folder than the run's own. */
  readonly data?: string;
  /** What labels of the folder count as; see mapLabels. */
  readonly map?: readonly string[];
  /** Also measures cases that the run was trained on. */
  readonly includeTraining?: boolean;
  readonly mirror?: boolean;
  readonly precision?: EvaluationSettings["precision"];
  /** Does to labels what was chosen for the model, if anything; by default. */
  readonly postprocessing?: boolean;
  /** What messages advise; the command's options by default. */
  readonly advice?: EvaluationAdvice;
}

/** What to do where a folder is not what it is to be, as parts of sentences. */
export interface EvaluationAdvice {
  /** Where the run's data have moved. */
  readonly moved: string;
  /** To measure cases too that the run was trained on; undefined where that cannot be done. */
  readonly includeTraining: string | undefined;
}

const optionsAdvice: EvaluationAdvice = {
  moved: "name their folder by --data",
  includeTraining: "--include-training",
};

/** What an evaluation is going to measure, found out from descriptions and headers alone. */
export interface EvaluationPlan {
  readonly run: Pick<RunFolder, "storage" | "directory">;
  readonly model: SavedModel;
  readonly state: RunProgress;
  readonly task: DecathlonTask;
  /** Whether the folder is the one that the run has for its own. */
  readonly own: boolean;
  readonly mapping: LabelMapping;
  readonly known: KnownCases;
  readonly settings: EvaluationSettings;
  readonly cases: readonly CaseFiles[];
  /** Cases of which a file is missing or none. */
  readonly failures: readonly CaseFailure[];
  /** What is to be known before a figure is read, a sentence each. */
  readonly notes: readonly string[];
  readonly advice: EvaluationAdvice;
}

const configSchema = z.looseObject({ data: z.string() });
const imported: RunProgress = { epochs: 0, of: null, finished: true, text: "imported" };

/**
 * Chooses the cases to measure a run on: those it held out, or all labeled ones of another folder. A model that was imported
 * has no cases of its own, and none is known to be of its training.
 * @throws RunError for no run; DataError for an imported model without data, when the folder's labels are not the model's,
 * or when no case can be opened.
 */
export async function planEvaluation(
  storage: Storage,
  directory: string,
  model: SavedModel,
  request: EvaluationRequest,
): Promise<EvaluationPlan> {
  const { map = [], includeTraining = false, mirror = false, precision = "f32" } = request;
  const { postprocessing = true, advice = optionsAdvice } = request;
  const run = (await isForeignModel(storage, directory)) ? undefined : await RunFolder.open(storage, directory);
  if (run === undefined && request.data === undefined)
    throw new DataError(`${directory} was imported, so it has no cases of its own; name labeled ones with --data DIR`);
  const config = configSchema.safeParse(run?.config);
  const source = config.success ? config.data.data : "";
  const own = request.data === undefined || (run !== undefined && (await isSameFile(storage, request.data, source)));
  const task = await readTask(storage, request.data ?? source, own ? advice.moved : undefined);
  const { classes } = model.description;
  requireSameChannels(task, model.description, directory);
  const mapping = mapLabels({ of: task.directory, names: task.labels }, { of: directory, names: classes }, map);
  const workload = (await run?.readWorkload()) ?? null;
  const known = new KnownCases(run?.split ?? { training: [], validation: [] }, workload);
  const state = run === undefined ? imported : await runProgressOf(run);
  const chosen =
    run !== undefined && own ? ownCases(task, run, { includeTraining, advice }) : { cases: task.cases, failures: [] };
  const { cases, failures } = await openedCases(storage, chosen, task);
  const modality = workload?.modality ?? (run === undefined || own ? undefined : await modalityOf(storage, source));
  return {
    run: run ?? { storage, directory },
    model,
    state,
    task,
    own,
    mapping,
    known,
    failures,
    advice,
    cases,
    settings: {
      mirror,
      precision,
      map: [...mapping.asked],
      includeTraining,
      ...(model.postprocessing === undefined ? {} : { postprocessing }),
    },
    notes: [
      ...(state.finished ? [] : [`the run is not trained to its end: ${state.text}`]),
      ...(run === undefined
        ? [`${directory} was imported: these may be cases that it was trained on`]
        : known.checkable
          ? []
          : [uncheckable(directory, own)]),
      ...mapNotes(mapping, task, classes),
      ...(model.postprocessing === undefined ? [] : [postprocessingNote(model.postprocessing, postprocessing)]),
      ...[await otherWeightsNote(storage, model)].filter((note) => note !== undefined),
      ...modalityNotes(modality, task),
    ],
  };
}

const modalityNotes = (trained: readonly string[] | undefined, { directory, modality }: DecathlonTask): string[] =>
  trained === undefined || sameNames(trained, modality)
    ? []
    : [
        `the run was trained on ${trained.join(", ")}, but the images of ${directory} are ${modality.join(", ")} by its dataset.json`,
      ];

const postprocessingNote = (chosen: Postprocessing, isDone: boolean): string =>
  `${isDone ? "labels were post-processed" : "labels were not post-processed, though that was chosen for the model"}: ${postprocessingText(chosen)}`;

/** "a: what is wrong; b: what is wrong" */
export const listFailures = (failures: readonly CaseFailure[]): string =>
  failures.map(({ name, error }) => `${name}: ${error}`).join("; ");

const readTask = (storage: Storage, data: string, moved: string | undefined): Promise<DecathlonTask> =>
  readDecathlon(storage, data).catch((error: unknown) => {
    if (moved === undefined || !(error instanceof DataError)) throw error;
    throw new DataError(`${error.message}; if the data have moved, ${moved}`);
  });

const modalityOf = (storage: Storage, data: string): Promise<readonly string[] | undefined> =>
  readDecathlon(storage, data).then(
    ({ modality }) => modality,
    () => undefined,
  );

/** The cases of the run's own folder, by the names of its split. */
function ownCases(
  task: DecathlonTask,
  { split, directory }: RunFolder,
  { includeTraining, advice }: { readonly includeTraining: boolean; readonly advice: EvaluationAdvice },
) {
  const files = new Map(task.cases.map((each) => [each.name, each]));
  const names = includeTraining ? [...split.training, ...split.validation] : split.validation;
  const failures = names
    .filter((name) => !files.has(name))
    .map((name) => ({
      name,
      error: `${task.directory} does not list it any more, though ${directory} has it in its split; restore it; if the data have moved, ${advice.moved}`,
    }));
  return { cases: names.flatMap((name) => files.get(name) ?? []), failures };
}

/** @throws DataError when the images of a task have another number of channels than those of a model. */
function requireSameChannels(task: DecathlonTask, { channels }: ModelDescription, model: string): void {
  const expected = channels?.map(({ name }) => name) ?? [];
  if (task.channels === Math.max(1, expected.length)) return;
  throw new DataError(
    `the images of ${task.directory} have ${channelsText(task.modality)}, and the model ${model} takes ${channelsText(expected)}; name data with the same`,
  );
}

/** "one channel", or how many and their names. */
export const channelsText = (names: readonly string[]): string =>
  names.length < 2 ? "one channel" : `${names.length} channels (${names.join(", ")})`;

/** The cases of those chosen that can be opened. @throws DataError when there is none. */
async function openedCases(
  storage: Storage,
  chosen: { readonly cases: readonly CaseFiles[]; readonly failures: readonly CaseFailure[] },
  task: DecathlonTask,
) {
  const opened = await withHeaders(storage, chosen.cases, task);
  const failures = [...chosen.failures, ...opened.failures];
  if (opened.cases.length > 0) return { cases: opened.cases, failures };
  throw new DataError(
    `none of the ${plural(failures.length, "case")} of ${task.directory} can be measured: ${listFailures(failures)}`,
  );
}

/** The cases whose headers can be read and fit, and the others with what is wrong. */
async function withHeaders(storage: Storage, cases: readonly CaseFiles[], task: Pick<DecathlonTask, "channels">) {
  const sound: CaseFiles[] = [];
  const failures: CaseFailure[] = [];
  for (const files of cases) {
    try {
      const image = await readNiftiHeader(storage, files.image, channelsOfFile(files, task));
      for (const path of [...(files.otherChannels ?? []), files.label]) {
        const difference = gridDifference(await readNiftiHeader(storage, path), image, [
          path,
          `its image ${files.image}`,
        ]);
        if (difference !== undefined) throw new DataError(`${difference}; both must be on the same grid`);
      }
      sound.push(files);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      failures.push({ name: files.name, error: error.message });
    }
  }
  return { cases: sound, failures };
}

const uncheckable = (directory: string, own: boolean): string =>
  `it cannot be checked whether ${own ? "the cases still hold what they held when the run began" : "the run was trained on these cases"}, since a run of an older version has no workload.json; ${commandText("train", "--resume", directory)} writes it`;

function mapNotes({ asked, measured }: LabelMapping, task: DecathlonTask, classes: readonly string[]): string[] {
  const missing = classes.filter((_, label) => label > 0 && !measured.includes(label));
  const named = (names: readonly string[], label: number): string => `${label} ${names[label] ?? ""}`;
  return [
    ...(asked.length === 0
      ? []
      : [
          `labels are counted as asked for by --map: ${asked.map(({ from, to }) => `${named(task.labels, from)} as ${named(classes, to)}`).join(", ")}`,
        ]),
    ...(missing.length === 0
      ? []
      : [`${task.directory} has no label for ${missing.join(", ")}, so that is not measured`]),
  ];
}

/** What the figures of a plan are of, before a case was measured. */
export const provenanceOf = (plan: EvaluationPlan): Provenance => ({
  run: {
    directory: plan.run.storage.absolute(plan.run.directory),
    state: plan.state.text,
    finished: plan.state.finished,
  },
  checkpoint: {
    file: plan.run.storage.absolute(plan.model.source),
    sha256: plan.model.sha256,
    epoch: plan.model.epoch,
  },
  data: { directory: plan.task.directory, labels: plan.task.labels, modality: plan.task.modality },
  settings: plan.settings,
  leftOut: [],
  failures: plan.failures,
  notes: plan.notes,
});
