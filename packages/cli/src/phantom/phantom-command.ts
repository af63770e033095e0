import { type PhantomTask, writePhantom } from "@lobule/data";
import type { CommandModule } from "yargs";
import { say, sayJson } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { plural } from "../shared/text.js";

interface PhantomArguments {
  readonly dir: string;
  readonly cases: number;
  readonly size: number;
  readonly slices: readonly number[];
  readonly seed: number;
  readonly task: PhantomTask;
  readonly force: boolean;
  readonly json: boolean;
}

/** `lobule phantom DIR`: writes a synthetic Decathlon task. */
export const phantomCommand: CommandModule<object, PhantomArguments> = {
  command: "phantom <dir>",
  describe: "Write a synthetic Decathlon task: livers with vessels and tumours",
  builder: (yargs) =>
    yargs
      .positional("dir", { type: "string", demandOption: true, describe: "Folder to write, new or empty" })
      .option("cases", { type: "number", default: 12, describe: "Labelled cases" })
      .option("size", { type: "number", default: 128, describe: "Voxels along each side of a slice" })
      .option("slices", {
        type: "number",
        array: true,
        nargs: 2,
        default: [32, 48],
        describe: "Fewest and most slices of a case",
      })
      .option("seed", { type: "number", default: 0, describe: "The same seed gives the same files" })
      .option("task", {
        choices: ["liver", "vessel"] as const,
        default: "liver" as const,
        describe: "Label liver and tumours (Task03), or vessels and tumours (Task08)",
      })
      .option("force", { type: "boolean", default: false, describe: "Write into a folder that holds other files" })
      .option("json", { type: "boolean", default: false, describe: "Print what was written as JSON" })
      .example("$0 phantom phantom --cases 12", "A data set to try everything on"),
  handler: async ({ dir, cases, size, slices: [fewest = 0, most = 0], seed, task, force, json }) => {
    const bar = progress("Drawing");
    const options = { cases, size, slices: [fewest, most], seed, task, force, onProgress: bar.update } as const;
    const written = await writePhantom(dir, options).finally(bar.end);
    const { directory, slices, testCases } = written;
    if (json) sayJson(JSON.stringify(written, null, 2));
    else {
      say(
        directory,
        `${plural(cases, "labelled case")} with ${plural(slices, "slice")}, ${plural(testCases, "case")} without labels`,
        `next: lobule data verify ${dir}`,
      );
    }
  },
};
