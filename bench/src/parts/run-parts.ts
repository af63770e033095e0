import { writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import type { Part, PartResult } from "./part.js";
import { partsTable } from "./parts-table.js";
import { runPart, textOf } from "./run-part.js";

/** What is measured in one go. */
export interface PartsRun {
  /** One group after another; the parts of a group run at the same time. */
  readonly groups: readonly (readonly Part[])[];
  /** Seconds that all of them may take together: a part gets what is left of them, where that is less than its limit. */
  readonly seconds: number;
  /** Files that hold the results so far after each part: all of them as JSON, and tables of the figures. */
  readonly files: { readonly json: string; readonly table: string };
  /** The line above the tables, which may need what the first parts found. */
  readonly heading: (results: readonly PartResult[]) => string;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly onBegun: (part: Part) => void;
  readonly onResult: (result: PartResult) => void;
}

/** What is left of the time has to be this much for a part to be begun, seconds. */
const least = 2;

const notBegun = ({ name, title, command }: Part, why: string): PartResult => ({
  name,
  title,
  command: textOf(command),
  status: "not begun",
  why,
  measured: undefined,
  figures: [],
  notes: [],
  lastLines: [],
});

/**
 * Runs parts one group after another. One that fails or takes too long keeps only those from being run that need it. All
 * that is known stands in the files after every part.
 * @throws FileWriteError when the files cannot be written.
 */
export async function runParts(run: PartsRun): Promise<PartResult[]> {
  const { groups, seconds, files, heading, signal, now, onBegun, onResult } = run;
  const started = now();
  const left = (): number => seconds - (now() - started) / 1000;
  const names = groups.flat().map(({ name }) => name);
  const results: PartResult[] = [];
  let saving: Promise<void> = Promise.resolve();
  const save = (): Promise<void> => {
    const document = {
      format: "lobule-parts-1",
      heading: heading(results),
      seconds: (now() - started) / 1000,
      parts: results.toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name)),
    };
    saving = saving.then(async () => {
      await writeFileAtomically(nodeStorage, files.json, `${JSON.stringify(document, null, 2)}\n`);
      await writeFileAtomically(nodeStorage, files.table, partsTable(document.heading, document.parts));
    });
    return saving;
  };
  const one = async (part: Part): Promise<void> => {
    const rest = left();
    const needed = results.find(({ name }) => name === part.needs);
    let result: PartResult;
    if (signal.aborted) result = notBegun(part, "the run was interrupted");
    else if (rest < least) result = notBegun(part, `the ${seconds} s of the run were used up`);
    else if (needed !== undefined && needed.status !== "done") {
      result = notBegun(part, `it needs what '${needed.name}' makes, which was not done`);
    } else {
      onBegun(part);
      result = await runPart(part, Math.min(part.limit, rest), signal);
    }
    results.push(result);
    onResult(result);
    await save();
  };
  await save();
  for (const group of groups) await Promise.all(group.map(one));
  return results;
}
