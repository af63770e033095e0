import { commandText, DataError, entryAt, plural } from "@lobule/data";
import { picturesToTask } from "@lobule/interop";
import { nodeStorage } from "@lobule/node";
import { command } from "../command-line/command.js";
import { list, path, required, text } from "../command-line/option.js";
import { say, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";

/** `lobule data from-images DIR -o TASK`: a training set of pictures and masks. */
export const fromImagesCommand = command({
  name: "data from-images",
  describe: "Make a training set of pictures (PNG, JPEG, TIFF) and their masks",
  positionals: { dir: required(path("folder with images/ and masks/", "input", "DIR")) },
  options: {
    out: required(path("Decathlon folder to write, new or empty", "folder", "TASK", { short: "o" })),
    labels: list(text("names of the masks' values, rising, background first", "NAME")),
  },
  examples: [["data from-images cells -o cells-task --labels background cell", "two classes"]],
  run: async ({ dir, out, labels }) => {
    const isThere = (await entryAt(nodeStorage, out)) !== undefined;
    if (isThere && (await nodeStorage.list(out)).length > 0)
      throw new DataError(`${out} holds files already; name a new folder with -o`);
    const bar = progress("Converting");
    const options = { labels, onProgress: bar.update };
    const {
      cases,
      labels: names,
      values,
      notes,
    } = await picturesToTask(nodeStorage, dir, out, options).finally(bar.end);
    for (const note of notes) warn(`note: ${note}`);
    say(
      `${out}: ${plural(cases, "case")}; ${names.map((name, i) => `${values[i]} ${name}`).join(", ")}`,
      `next: ${commandText("train", "--data", out, "--out", "RUN")}`,
    );
  },
});
