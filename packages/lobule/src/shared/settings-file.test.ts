import { DataError } from "@lobule/data";
import { describe, expect, test } from "vitest";
import { parseSettings } from "./settings-file.js";

describe("a file of settings", () => {
  const yaml = [
    "# yaml-language-server: $schema=lobule.schema.json",
    "data: Liver2D",
    "learningRate: 1e-3",
    "loss:",
    "  kind: focal",
    "  gamma: 2",
    "window: [-160, 240]",
    "variants:",
    "  - name: a",
    "  - name: b",
    "    settings: { batch: 2 }",
  ].join("\n");

  test("is YAML, and says the line of each setting", () => {
    const { settings, lineOf } = parseSettings(yaml, "my.yaml");
    expect(settings).toEqual({
      data: "Liver2D",
      learningRate: 1e-3,
      loss: { kind: "focal", gamma: 2 },
      window: [-160, 240],
      variants: [{ name: "a" }, { name: "b", settings: { batch: 2 } }],
    });
    expect(lineOf(["data"])).toBe(" (line 2)");
    expect(lineOf(["loss", "gamma"])).toBe(" (line 6)");
    expect(lineOf(["variants", 1, "settings", "batch"])).toBe(" (line 11)");
  });

  test("has the line of the group for a setting that is missing, and none beside every group", () => {
    const { lineOf } = parseSettings(yaml, "my.yaml");
    expect(lineOf(["loss", "lambdaDice"])).toBe(" (line 4)");
    expect(lineOf(["epochs"])).toBe("");
  });

  test("is JSON where its name says so, with lines too and strict about keys that come twice", () => {
    const { settings, lineOf } = parseSettings('{\n\t"$schema": "x.json",\n\t"batch": 2\n}', "my.json");
    expect(settings).toEqual({ batch: 2 });
    expect(lineOf(["batch"])).toBe(" (line 3)");
    expect(() => parseSettings('{"batch": 2, "batch": 3}', "my.json")).toThrow('the key "batch" comes twice');
  });

  test.each([
    ["batch: 2\nbatch: 3", /^my\.yaml is not valid YAML: .* at line 2, column 1$/],
    ["batch: [2", /^my\.yaml is not valid YAML: .* at line 1, column/],
    ["a: !size 3", /^my\.yaml is not valid YAML: .* at line 1, column 4$/],
    ["a: &a [1, 2]\nb: &b [*a, *a]\n---\nc: 1", /^my\.yaml is not valid YAML: /],
    ["[".repeat(1000), /^my\.yaml: values are nested more than 100 deep$/],
    ["", /^my\.yaml holds no settings by name$/],
    ["- batch", /^my\.yaml holds no settings by name$/],
  ])("that is not well formed is refused in a sentence: %#", (text, message) => {
    expect(() => parseSettings(text, "my.yaml")).toThrow(DataError);
    expect(() => parseSettings(text, "my.yaml")).toThrow(message);
  });
});
