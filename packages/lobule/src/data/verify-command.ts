import { type CaseVerification, type DecathlonTask, plural, readDecathlon, verifyDecathlon } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { command } from "../command-line/command.js";
import { flag, path, required } from "../command-line/option.js";
import { sayJson, sayText } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { brief, fit, wrap } from "../shared/text.js";

const widths = { name: 28, shape: 14, spacing: 20, labels: 9 } as const;

const row = (name: string, shape: string, spacing: string, labels: string, result: string): string =>
  [
    fit(name, widths.name),
    fit(shape, widths.shape),
    fit(spacing, widths.spacing),
    fit(labels, widths.labels),
    result,
  ].join(" ");

function caseLines({ name, shape, spacing, labelValues, problems, notes }: CaseVerification): string[] {
  return [
    row(
      name,
      shape?.join("×") ?? "–",
      spacing?.map(brief).join("×") ?? "–",
      labelValues?.join(" ") ?? "–",
      problems.length === 0 ? "ok" : "BAD",
    ),
    ...problems.flatMap((problem) => wrap(problem, "  ")),
    ...notes.flatMap((note) => wrap(`note: ${note}`, "  ")),
  ];
}

const verdict = (results: readonly CaseVerification[]): string => {
  const bad = results.filter(({ problems }) => problems.length > 0).length;
  return bad === 0
    ? `${plural(results.length, "case")}: all sound.`
    : `${bad} of ${plural(results.length, "case")} BAD.`;
};

/** What is to be done about problems that cases share, each once. */
const adviceOf = (results: readonly CaseVerification[]): string[] => [
  ...new Set(results.flatMap(({ advice = [] }) => advice)),
];

/** What is in the task, a line for each case with its problems and notes below, and the verdict; 80 columns wide. */
function verificationTable(task: DecathlonTask, results: readonly CaseVerification[]): string {
  return [
    ...wrap(`${task.name}: ${task.labels.map((name, value) => `${value} ${name}`).join(", ")}`, ""),
    ...task.notes.flatMap((note) => wrap(`note: ${note}`, "")),
    "",
    row("case", "shape", "spacing, mm", "labels", ""),
    ...results.flatMap(caseLines),
    "",
    ...adviceOf(results).flatMap((advice) => wrap(`${advice.charAt(0).toUpperCase()}${advice.slice(1)}.`, "")),
    verdict(results),
  ].join("\n");
}

/** `lobule data verify DIR`: opens every case of a Decathlon folder; exit code 1 on any problem. */
export const verifyCommand = command({
  name: "data verify",
  describe: "Check that every case of a Decathlon folder is sound",
  positionals: { dir: required(path("Decathlon folder (dataset.json, imagesTr/, labelsTr/)", "input", "DIR")) },
  options: { json: flag("print the results as JSON") },
  examples: [["data verify Task03_Liver", "shapes, spacings, affines, labels and intensities"]],
  run: async ({ dir, json }) => {
    const task = await readDecathlon(nodeStorage, dir);
    const bar = progress("Verifying");
    const results = await verifyDecathlon(nodeStorage, task, { onProgress: bar.update }).finally(bar.end);
    const passed = results.every(({ problems }) => problems.length === 0);
    const { name, directory, labels, notes } = task;
    if (json) sayJson(JSON.stringify({ passed, name, directory, labels, notes, cases: results }, null, 2));
    else sayText(verificationTable(task, results));
    if (!passed) process.exitCode = 1;
  },
});
