import { realTasks, writeLargeTask } from "@lobule/bench";
import { DataError, plural } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { command } from "../command-line/command.js";
import { choice, flag, path, required, whole, withDefault } from "../command-line/option.js";
import { say, sayJson } from "../shared/output.js";
import { progress } from "../shared/progress.js";

/** A synthetic task of the size of a real one, for the parts of a rehearsal and of a GPU's measurement. */
export const largeTaskCommand = command({
  name: "large-task",
  positionals: { dir: required(path("folder to write, new or empty", "folder", "DIR")) },
  options: {
    task: withDefault(choice(["liver", "vessel"], "whose numbers of cases and slices it has"), "liver"),
    cases: whole("labeled cases [as many as the real task has]", { least: 4, most: 999 }),
    size: withDefault(whole("voxels along each side of a slice", { least: 8, most: 1024 }), 512),
    seed: withDefault(whole("seed of all that is random", { least: 0 }), 0),
    json: flag("print what was written as JSON"),
  },
  run: async ({ dir, task, cases = realTasks[task].cases, size, seed, json }) => {
    await nodeStorage.makeFolder(dir);
    if ((await nodeStorage.list(dir)).length > 0) throw new DataError(`${dir} is not empty; name another folder`);
    const bar = progress("writing");
    const written = await writeLargeTask(dir, { task, cases, size, seed, onProgress: bar.update }).finally(bar.end);
    if (json) sayJson(JSON.stringify(written));
    else say(`${dir}: ${plural(written.cases, "case")} with ${plural(written.slices, "slice")}`);
  },
});
