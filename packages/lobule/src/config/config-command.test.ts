import { describedSettings, presetNames, presetSettings, resolveConfig, settingsFileSchema } from "@lobule/train";
import { describe, expect, test } from "vitest";
import { parseSettings } from "../shared/settings-file.js";
import { settingOptions } from "../train/train-options.js";
import { commentedDefaults } from "./config-command.js";

describe("one source for each setting", () => {
  test.each([null, ...presetNames])("the defaults of %s, printed as YAML, are read back as they are", (preset) => {
    const { settings } = parseSettings(commentedDefaults(presetSettings(preset)), "defaults.yaml");
    expect(settings).toEqual(presetSettings(preset));
    expect(resolveConfig(null, { data: "d" }, settings)).toEqual(resolveConfig(preset, { data: "d" }));
  });

  test("each default stands below what the setting does", () => {
    expect(commentedDefaults(presetSettings(null))).toContain("# slices of a step\nbatch: 32\n");
  });

  test("the schema of a file has every setting with its description, and asks for none", () => {
    const schema = settingsFileSchema();
    expect(schema.required).toBeUndefined();
    expect(schema.properties?.batch).toMatchObject({ type: "integer", exclusiveMinimum: 0, default: 32 });
    const names = new Set(describedSettings.map(({ path }) => path[0]));
    expect(names).toEqual(new Set(Object.keys(schema.properties ?? {})));
  });

  test("the help of an option is the description of its setting, with the default", () => {
    expect(settingOptions.batch?.describe).toBe("slices of a step [32]");
    expect(settingOptions["weight-decay"]?.describe).toMatch(/^weight decay: .* \[0; adamw 0\.01\]$/);
    for (const { path, description } of describedSettings) {
      const option = Object.values(settingOptions).find(({ setting }) => setting.join(".") === path.join("."));
      if (option !== undefined) expect(option.describe.startsWith(description)).toBe(true);
    }
  });
});
