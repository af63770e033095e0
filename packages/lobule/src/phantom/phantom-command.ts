import { commandText, DataError, plural, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { command } from "../command-line/command.js";
import { choice, flag, list, number, path, required, whole, withDefault } from "../command-line/option.js";
import { say, sayJson } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { freeBytes } from "../shared/writable-outputs.js";

/** `lobule phantom DIR`: writes a synthetic Decathlon task. */
export const phantomCommand = command({
  name: "phantom",
  describe: "Write a synthetic Decathlon task: livers with vessels and tumors",
  positionals: { dir: required(path("folder to write, new or empty", "folder", "DIR")) },
  options: {
    cases: withDefault(whole("labeled cases", { least: 1, most: 999 }), 12),
    size: withDefault(whole("voxels along each side of a slice", { least: 8, most: 1024 }), 128),
    slices: withDefault(list(whole("fewest and most slices of a case", { least: 1, most: 1024 }), 2), [32, 48]),
    seed: withDefault(whole("seed of all that is random: the same seed gives the same files", { least: 0 }), 0),
    task: withDefault(choice(["liver", "vessel"], "whether to label livers (Task03) or vessels (Task08)"), "liver"),
    "tumor-diameter": list(
      number("least and greatest diameter of tumors, mm [about 32 to 58]", { least: 4, most: 60 }),
      2,
    ),
    channels: withDefault(
      whole("channels of a scan: of two, as a data set of nnU-Net, neither alone shows the tumors", {
        least: 1,
        most: 2,
      }),
      1,
    ),
    force: flag("write into a folder that holds other files"),
    json: flag("print what was written as JSON"),
  },
  examples: [["phantom phantom --cases 12", "a data set to try everything on"]],
  run: async ({ dir, slices: [fewest = 0, most = 0], tumorDiameter, channels, force, json, ...drawn }) => {
    if (most < fewest) throw new DataError(`--slices needs the fewest before the most, got ${fewest} ${most}`);
    const [least = 0, greatest = 0] = tumorDiameter ?? [];
    if (greatest < least)
      throw new DataError(`--tumor-diameter needs the least before the greatest, got ${least} ${greatest}`);
    const bar = progress("Drawing");
    const disk = await freeBytes(dir);
    const room = { memory: process.availableMemory(), ...(disk === undefined ? {} : { disk }) };
    const written = await writePhantom(nodeStorage, dir, {
      ...drawn,
      slices: [fewest, most],
      ...(tumorDiameter === undefined ? {} : { tumorDiameters: [least, greatest] }),
      channels: channels === 2 ? 2 : 1,
      force,
      room,
      onProgress: bar.update,
    }).finally(bar.end);
    const { directory, slices, testCases } = written;
    if (json) sayJson(JSON.stringify(written, null, 2));
    else {
      say(
        directory,
        `${plural(written.cases, "labeled case")} with ${plural(slices, "slice")}, ${plural(testCases, "case")} without labels`,
        `next: ${commandText("data", "verify", dir)}`,
      );
    }
  },
});
