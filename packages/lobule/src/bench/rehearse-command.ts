import { join, resolve } from "node:path";
import { BenchError, realTasks, rehearsalParts, TemporaryFolder, taskBytes } from "@lobule/bench";
import { nodeStorage } from "@lobule/node";
import { command } from "../command-line/command.js";
import { choice, list, number, path, whole, withDefault } from "../command-line/option.js";
import { say } from "../shared/output.js";
import { bytesText } from "../shared/text.js";
import { freeBytes } from "../shared/writable-outputs.js";
import { measureParts, today } from "./measured-parts.js";

const tasks = ["liver", "vessel"] as const;

/** What `npm run rehearse` starts: a data set of a real one's size goes through all that a real one would. */
export const rehearseCommand = command({
  name: "rehearse",
  options: {
    task: list(choice(tasks, "whose numbers of cases and slices the data have [both, in turn]")),
    scale: withDefault(number("share of the real number of cases", { above: 0, most: 1 }), 1),
    size: withDefault(whole("voxels along each side of a slice", { least: 16, most: 512, multipleOf: 16 }), 512),
    "small-size": withDefault(whole("side of the slices of the small network", { least: 16, multipleOf: 16 }), 32),
    seed: withDefault(whole("seed of all that is random", { least: 0 }), 0),
    limit: withDefault(number("seconds that a stage may take", { above: 0 }), 3600),
    folder: withDefault(path("where the data are written and deleted again", "folder", "DIR"), "."),
    out: withDefault(path("folder of the results", "folder", "DIR"), "rehearsal"),
  },
  run: async ({ task = tasks, scale, size, smallSize, seed, limit, folder, out }) => {
    const undone: string[] = [];
    for (const each of new Set(task)) {
      const cases = Math.max(8, Math.round(scale * realTasks[each].cases));
      await requireDisk(folder, taskBytes(each, cases, size, seed), `${cases} cases of ${each}`);
      for (const needed of [out, folder]) await nodeStorage.makeFolder(needed);
      const scratch = await TemporaryFolder.make("rehearsal-", resolve(folder));
      say(`${each}: ${cases} cases of ${size}² in ${scratch.path}, which is deleted afterwards`);
      try {
        const parts = rehearsalParts({ task: each, cases, size, seed, folder: scratch.path, limit, smallSize });
        const left = await measureParts({
          groups: parts.map((part) => [part]),
          seconds: limit * parts.length,
          files: { json: join(out, `${each}.json`), table: join(out, `${each}.md`) },
          heading: () => `${today()}, ${each}, ${cases} cases of ${size}²`,
        });
        undone.push(...left.map((name) => `${each}: ${name}`));
      } finally {
        await scratch.remove();
      }
    }
    if (undone.length > 0) throw new BenchError(`not done: ${undone.join(", ")}; the tables in ${out} say why`);
  },
});

/** @throws BenchError where there is no room for all that a task becomes. */
async function requireDisk(folder: string, needed: number, what: string): Promise<void> {
  const free = await freeBytes(folder);
  if (free === undefined || needed <= free) return;
  throw new BenchError(
    `${what} and what is made of them take about ${bytesText(needed)} in ${folder}, and ${bytesText(free)} are free; lower --scale or --size, or name another --folder`,
  );
}
