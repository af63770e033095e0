import { type DescribedSetting, type SettingSchema, wordsOf } from "@lobule/data";
import {
  ConfigError,
  describedSettings,
  formsOfSetting,
  networkSettingsSchema,
  networkSpec,
  type PresetName,
  presetSettings,
  resolveLayers,
  type TrainingConfig,
} from "@lobule/train";

/** A setting as the form shows it; all of it follows from the settings' schema. */
export interface Field {
  readonly path: readonly string[];
  /** "loss.gamma" */
  readonly id: string;
  /** "Loss gamma" */
  readonly label: string;
  readonly description: string;
  /** What it takes, to follow "needs". */
  readonly takes: string;
  /** The words to choose one of; none where it is written. */
  readonly choices: readonly string[];
}

/** What was entered, by the fields' ids; what is missing or empty stays as it is by default. */
export type Entries = Readonly<Record<string, string>>;

/** Fields that are shown together. */
export interface FieldGroup {
  readonly title: string;
  readonly fields: readonly Field[];
}

/** Chosen elsewhere on the page, of no use in a browser, or lists of levels, which a config file is for. */
const elsewhere: readonly string[] = ["preset", "data", "model", "nnunet", "fastDevRun"];

/** Shown without unfolding. */
const first: readonly string[] = ["epochs", "batch", "learningRate", "size", "baseFeatures", "checkpointEvery"];

const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const yesOrNo: readonly string[] = ["yes", "no"];

function fieldOf({ path, description, takes }: DescribedSetting): Field {
  const forms = formsOfSetting(path).filter(({ type }) => type !== "null");
  const flags = forms.every(({ type }) => type === "boolean");
  const chosen = forms.every((form) => form.enum !== undefined || form.const !== undefined);
  return {
    path,
    description,
    takes,
    id: path.join("."),
    label: capital(path.map(words).join(" ")),
    choices: flags ? yesOrNo : chosen ? wordsOf(forms) : [],
  };
}

const fields: readonly Field[] = describedSettings
  .filter(({ path: [name = ""] }) => !elsewhere.includes(name))
  .map(fieldOf);

const isFirst = ({ id }: Field): boolean => first.includes(id);

/** The fields that are always shown. */
export const firstFields: readonly Field[] = fields
  .filter(isFirst)
  .toSorted((a, b) => first.indexOf(a.id) - first.indexOf(b.id));

/** All others: those that stand alone, and a group for each group of settings. */
export const foldedGroups: readonly FieldGroup[] = [
  { title: "Data and steps", fields: fields.filter((field) => field.path.length === 1 && !isFirst(field)) },
  ...[...new Set(fields.filter(({ path }) => path.length > 1).map(({ path: [group = ""] }) => group))].map((group) => ({
    title: capital(words(group)),
    fields: fields.filter(({ path }) => path.length > 1 && path[0] === group),
  })),
];

/** The kind of a group that is chosen, such as the loss; undefined for a group without kinds. */
function kindOf(group: string, preset: PresetName | null, entries: Entries): string | undefined {
  const entered = entries[`${group}.kind`];
  if (entered !== undefined && entered !== "") return entered;
  const value: unknown = Reflect.get(presetSettings(preset), group);
  const kind: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "kind") : undefined;
  return typeof kind === "string" ? kind : undefined;
}

const isOfKind = ({ properties }: SettingSchema, kind: string): boolean => {
  const schema = properties?.kind;
  return typeof schema === "object" && schema.const === kind;
};

/** Whether a field has an effect with what is entered: some settings belong to one kind of their group. */
export function hasEffect({ path: [group = "", name] }: Field, preset: PresetName | null, entries: Entries): boolean {
  const kind = name === undefined ? undefined : kindOf(group, preset, entries);
  if (name === undefined || kind === undefined) return true;
  return formsOfSetting([group]).some((form) => isOfKind(form, kind) && name in (form.properties ?? {}));
}

const shown = (value: unknown): string => {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return Array.isArray(value) ? value.join(" ") : String(value);
};

/** What a field is where nothing is entered, as it would be entered. */
export function defaultOf({ path }: Field, preset: PresetName | null, entries: Entries): string {
  const [group = "", name] = path;
  if (group === "network" && name !== "preset") {
    const chosen = entries["network.preset"];
    const network = networkSettingsSchema.parse(chosen === undefined || chosen === "" ? {} : { preset: chosen });
    return shown(Reflect.get(networkSpec(network), name ?? ""));
  }
  const kind = kindOf(group, preset, entries);
  const { defaults } = describedSettings.find((each) => each.path.join(".") === path.join(".")) ?? { defaults: [] };
  const ofKind = defaults.find((each) => kind !== undefined && each.kind === kind);
  if (ofKind !== undefined && name !== "kind") return shown(ofKind.value);
  const value = path.reduce<unknown>(
    (inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined),
    presetSettings(preset),
  );
  return shown(value);
}

/** What a text stands for in a field; one that fits no form stays a text, which the schema then refuses in its own words. */
function valueIn(path: readonly string[], text: string): unknown {
  const forms = formsOfSetting(path);
  const takes = (...types: readonly string[]): boolean =>
    forms.some(({ type }) => typeof type === "string" && types.includes(type));
  if (text === "none" && takes("null")) return null;
  if (takes("boolean") && yesOrNo.includes(text)) return text === "yes";
  if (wordsOf(forms).includes(text)) return text;
  const numbers = text.split(/[\s,]+/).map(Number);
  if (!numbers.every(Number.isFinite)) return text;
  if (takes("array")) return numbers;
  return takes("number", "integer") && numbers.length === 1 ? numbers[0] : text;
}

function settingsOf(preset: PresetName | null, entries: Entries): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  const groups = new Map<string, Record<string, unknown>>();
  for (const field of fields) {
    const text = entries[field.id]?.trim() ?? "";
    if (text === "" || !hasEffect(field, preset, entries)) continue;
    const [group = "", name] = field.path;
    const value = valueIn(field.path, text);
    if (name === undefined) settings[group] = value;
    else {
      const within = groups.get(group) ?? {};
      within[name] = value;
      groups.set(group, within);
      settings[group] = within;
    }
  }
  return settings;
}

/** What is wrong with what was entered. */
export interface FieldProblem {
  readonly problem: string;
  /** The field that it is in; undefined where that is no single one. */
  readonly field: string | undefined;
}

/** The configuration that entries stand for. @param data the folder to train on. */
export function resolved(
  preset: PresetName | null,
  entries: Entries,
  data: string,
): { readonly config: TrainingConfig } | FieldProblem {
  const settings = { ...settingsOf(preset, entries), data };
  try {
    return { config: resolveLayers(preset, [{ settings, nameOf: labelOf }]) };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const named = fields.filter(({ label }) => error.message.startsWith(`${label} `));
    // As it is entered here.
    const problem = error.message.replace(/ or null\b/, " or none");
    return { problem, field: named.toSorted((a, b) => b.label.length - a.label.length)[0]?.id };
  }
}

/** A sentence that advises options of the command, with the form's fields in their place. */
export const withFields = (sentence: string): string =>
  sentence.replace(/--([a-z]+(?:-[a-z]+)*)/g, (option, words: string) => {
    const id = words.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return fields.find((field) => field.id === id)?.label ?? option;
  });

/** How the page calls the setting of a path, which may end in the number of a value of a list. */
function labelOf(path: readonly PropertyKey[]): string {
  const names = path.filter((key) => typeof key === "string");
  const id = names.join(".");
  return fields.find((field) => field.id === id)?.label ?? capital(names.map(words).join(" "));
}
