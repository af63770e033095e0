import { type PhantomTask, writePhantom } from "@lobule/data";
import type { CommandModule } from "yargs";
import { plural } from "../data/text.js";
import { progress } from "../shared/progress.js";

interface PhantomArguments {
  readonly dir: string;
  readonly cases: number;
  readonly size: number;
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
      .option("seed", { type: "number", default: 0, describe: "The same seed gives the same files" })
      .option("task", {
        choices: ["liver", "vessel"] as const,
        default: "liver" as const,
        describe: "Label liver and tumours (Task03), or vessels and tumours (Task08)",
      })
      .option("force", { type: "boolean", default: false, describe: "Write into a folder that holds other files" })
      .option("json", { type: "boolean", default: false, describe: "Print what was written as JSON" })
      .example("$0 phantom phantom --cases 12", "A data set to try everything on"),
  handler: async ({ dir, cases, size, seed, task, force, json }) => {
    const bar = progress("Drawing");
    const written = await writePhantom(dir, { cases, size, seed, task, force, onProgress: bar.update }).finally(
      bar.end,
    );
    const { directory, slices, testCases } = written;
    console.log(
      json
        ? JSON.stringify(written, null, 2)
        : [
            `${directory}`,
            `${plural(cases, "labelled case")} with ${plural(slices, "slice")}, ${plural(testCases, "case")} without labels`,
            `next: lobule data verify ${dir}`,
          ].join("\n"),
    );
  },
};
