// Writes the table of settings in docs/training.md from the schema; with --check, fails where it is stale.
import { readFileSync, writeFileSync } from "node:fs";
import { flagOf } from "../packages/lobule/dist/train/train-options.js";
import { defaultText, describedSettings } from "../packages/train/dist/index.js";

const file = new URL("../docs/training.md", import.meta.url);
const [begin, end] = ["<!-- settings: written by npm run docs:settings -->", "<!-- end of settings -->"];

const cell = (text) => text.replaceAll("|", "\\|");
const rows = describedSettings.map(({ path, description, takes }) => {
  const flag = flagOf(path);
  return [
    `\`${path.join(".")}\``,
    flag.startsWith("--") ? `\`${flag}\`` : "",
    cell(takes),
    cell(defaultText(path) ?? ""),
    cell(description),
  ];
});
const table = [["setting", "option", "takes", "default", "what it is"], ...rows];
const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
const line = (row) => `| ${row.map((each, column) => each.padEnd(widths[column])).join(" | ")} |`;
const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
const text = [line(table[0]), rule, ...table.slice(1).map(line)].join("\n");

const before = readFileSync(file, "utf8");
const [from, to] = [before.indexOf(begin), before.indexOf(end)];
if (from < 0 || to < from) throw new Error(`docs/training.md has no table between '${begin}' and '${end}'`);
const after = `${before.slice(0, from + begin.length)}\n\n${text}\n\n${before.slice(to)}`;
if (process.argv.includes("--check")) {
  if (after !== before) {
    console.error(
      "docs/training.md: the table of settings is not that of the schema; write it with npm run docs:settings",
    );
    process.exitCode = 1;
  }
} else writeFileSync(file, after);
