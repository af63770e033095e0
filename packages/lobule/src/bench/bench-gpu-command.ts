import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { BenchError, findPython, gpuParts, type Part, type PartResult, scratchFolder } from "@lobule/bench";
import { suggestion } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { command } from "../command-line/command.js";
import { flag, number, path, text, withDefault } from "../command-line/option.js";
import { measureParts, today } from "./measured-parts.js";

/** What bench/gpu.sh starts: all that is to be known of a GPU which is at hand for minutes. */
export const benchGpuCommand = command({
  name: "bench-gpu",
  options: {
    out: withDefault(path("new folder for the results", "folder", "DIR"), "gpu-results"),
    seconds: number("that all parts together may take [195; small 1200]", { above: 0 }),
    only: text("parts to run, joined by commas [all]", "NAMES"),
    small: flag("a rehearsal in sizes that a software adapter does in minutes; its figures say nothing"),
    python: path("a Python that has PyTorch [searched for]", "input", "FILE"),
  },
  run: async ({ out, only, small, python, ...given }) => {
    const seconds = given.seconds ?? (small ? 1200 : 195);
    const folder = resolve(out);
    await nodeStorage.makeFolder(folder);
    if ((await nodeStorage.list(folder)).length > 0) {
      throw new BenchError(`${out} holds other files; name a new folder for the results with --out`);
    }
    // As it stands here, whatever folder the parts are run in.
    const interpreter = python === undefined ? findPython() : resolve(python);
    try {
      const parts = gpuParts({ folder, python: interpreter, small });
      const undone = await measureParts({
        groups: only === undefined ? parts : chosen(parts, only),
        seconds,
        files: { json: join(folder, "results.json"), table: join(folder, "results.md") },
        heading: (results) => headingOf(results, small),
      });
      if (undone.length > 0) throw new BenchError(`not done: ${undone.join(", ")}; ${out}/results.md says why`);
    } finally {
      await rm(join(folder, scratchFolder), { recursive: true, force: true });
    }
  },
});

/** The adapter's name is the doctor's first note. */
function headingOf(results: readonly PartResult[], small: boolean): string {
  const adapter = results.find(({ name }) => name === "doctor")?.notes[0] ?? "an adapter that the doctor did not name";
  return `${today()}, ${adapter}, Node ${process.versions.node}${small ? ", small sizes: figures say nothing" : ""}`;
}

/** @throws BenchError where a name is none of a part. */
function chosen(groups: readonly (readonly Part[])[], list: string): Part[][] {
  const names = list.split(",").map((name) => name.trim());
  const known = groups.flat().map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new BenchError(`--only takes ${known.join(", ")}, got '${unknown}'${suggestion(unknown, known)}`);
  }
  return groups.map((group) => group.filter(({ name }) => names.includes(name)));
}
