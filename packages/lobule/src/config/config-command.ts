import { plural, writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import {
  describedSettings,
  descriptionOf,
  presetNames,
  presetOf,
  presetSettings,
  resolveLayers,
  settingsFileSchema,
} from "@lobule/train";
import { Document, isMap, isScalar } from "yaml";
import { command } from "../command-line/command.js";
import { choice, list, path, required, withDefault } from "../command-line/option.js";
import { experimentFileSchema, parseExperiment } from "../experiment/experiment-file.js";
import { planExperiment } from "../experiment/plan-experiment.js";
import { say, sayText } from "../shared/output.js";
import { experimentSettings, readSettingsFile, runSettings } from "../shared/settings-file.js";

const out = path("file to write, instead of printing", "file", "FILE");

/** Writes the text to the file, or prints it where there is none. */
async function deliver(text: string, file: string | undefined): Promise<void> {
  if (file === undefined) return sayText(text);
  await writeFileAtomically(nodeStorage, file, `${text}\n`);
}

const kind = withDefault(choice(["train", "experiment"], "command that takes the file"), "train");

export const configSchemaCommand = command({
  name: "config schema",
  describe: "Print the JSON schema of a settings file, for completion in an editor",
  options: { for: kind, out },
  examples: [
    [
      "config schema --out lobule.schema.json",
      "then the first line of a YAML file: # yaml-language-server: $schema=lobule.schema.json",
    ],
  ],
  run: async ({ for: what, out: file }) => {
    const { properties, ...schema } = what === "experiment" ? experimentFileSchema() : settingsFileSchema();
    await deliver(
      JSON.stringify({ ...schema, properties: { $schema: { type: "string" }, ...properties } }, null, 2),
      file,
    );
  },
});

/** All settings but the data with their defaults, each below what it does. */
export function commentedDefaults(settings: Readonly<Record<string, unknown>>): string {
  const document = new Document(settings);
  for (const { path: keys } of describedSettings) {
    const group = keys.length === 1 ? document.contents : document.getIn(keys.slice(0, -1));
    if (!isMap(group)) continue;
    const key = group.items.find((each) => isScalar(each.key) && each.key.value === keys.at(-1))?.key;
    if (isScalar(key)) key.commentBefore = ` ${descriptionOf(keys)}`;
  }
  return document.toString({ lineWidth: 0 }).trimEnd();
}

export const configDefaultsCommand = command({
  name: "config defaults",
  describe: "Print every setting with its default, as a YAML file to start from",
  positionals: { preset: choice(presetNames, descriptionOf(["preset"])) },
  examples: [["config defaults liver --out liver.yaml", "the settings of a preset"]],
  options: { out },
  run: ({ preset, out: file }) => deliver(commentedDefaults(presetSettings(preset ?? null)), file),
});

export const configCheckCommand = command({
  name: "config check",
  describe: "Check settings files without training",
  positionals: { files: required(list(path("settings files, in YAML or JSON", "input", "FILE"))) },
  options: { for: kind },
  run: async ({ files, for: what }) => {
    for (const file of files) say(what === "experiment" ? await checkExperiment(file) : await checkSettings(file));
  },
});

async function checkSettings(file: string): Promise<string> {
  const { settings, lineOf } = await readSettingsFile(file, runSettings);
  const nameOf = (keys: readonly PropertyKey[]): string => `'${keys.join(".")}' of ${file}${lineOf(keys)}`;
  // The data may be named on the command line.
  resolveLayers(presetOf(settings.preset), [
    { settings: { data: "DIR" }, nameOf },
    { settings, nameOf },
  ]);
  return `${file}: all ${Object.keys(settings).length} settings fit`;
}

async function checkExperiment(file: string): Promise<string> {
  const { settings, lineOf } = await readSettingsFile(file, experimentSettings);
  const runs = planExperiment(parseExperiment(settings, file, lineOf), "DIR", file, lineOf);
  return `${file}: an experiment of ${plural(runs.length, "run")}`;
}
