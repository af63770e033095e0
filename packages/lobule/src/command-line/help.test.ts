import { expect, test } from "vitest";
import { commands } from "../commands.js";
import { commandHelp, overview } from "./help.js";
import { parseCommandLine } from "./parse.js";

const visible = commands.filter(({ describe }) => describe !== undefined);

test.each(visible)("the help of $name names every option and is 80 columns wide", (command) => {
  const help = commandHelp(command);
  for (const name of Object.keys(command.options)) expect(help).toMatch(new RegExp(`--(\\[no-\\])?${name}\\b`));
  for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test.each(visible.flatMap(({ examples }) => examples.map(([line]) => line)))("the example '%s' can be read", (line) => {
  expect(parseCommandLine(line.split(" "), commands)).toMatchObject({ kind: "run" });
});

test("the help of train begins with the ten options that most runs need", () => {
  const train = commands.find(({ name }) => name === "train");
  if (train === undefined) throw new Error("no command");
  const help = commandHelp(train);
  const groups = [...help.matchAll(/^([A-Z]\w+)$/gm)].map(([, title]) => title);
  expect(groups.slice(1, 8)).toEqual(["Common", "Data", "Network", "Loss", "Optimization", "Computation", "Run"]);
  const common = help.slice(help.indexOf("\nCommon"), help.indexOf("\nData"));
  expect(common.match(/^ {2}--/gm)).toHaveLength(10);
});

test("the overview names every command but those that the program starts itself", () => {
  const text = overview(commands, "");
  for (const { name } of visible) expect(text).toContain(`\n  ${name} `);
  expect(text).not.toContain("bench-peer");
});
