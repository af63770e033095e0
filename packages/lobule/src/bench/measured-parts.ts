import { type Part, type PartResult, runParts } from "@lobule/bench";
import { Interrupted, interruptible } from "../shared/interruption.js";
import { say, sayText } from "../shared/output.js";

/** What is run, and where its results stand. */
export interface PartsRequest {
  readonly groups: readonly (readonly Part[])[];
  /** Seconds of all of them together. */
  readonly seconds: number;
  readonly files: { readonly json: string; readonly table: string };
  readonly heading: (results: readonly PartResult[]) => string;
}

const words = {
  stopping: "stopping what runs",
  stopped: "interrupted; what was measured until then is kept",
};

/** "2026-11-30". */
export const today = (): string => new Date().toISOString().slice(0, 10);

/**
 * Runs parts, says what becomes of each, and where the results are.
 * @returns the names of those that are not done.
 * @throws Interrupted after Ctrl-C.
 */
export function measureParts({ files, ...request }: PartsRequest): Promise<string[]> {
  return interruptible(words, async (signal) => {
    const results = await runParts({
      ...request,
      files,
      signal,
      now: () => performance.now(),
      onBegun: ({ name, title, limit }) => say(`${name}: ${title}, ${limit} s at most`),
      onResult: ({ name, status, why, measured, lastLines }) => {
        const took = measured === undefined ? "" : ` after ${measured.seconds.toFixed(1)} s`;
        say(`${name}: ${status}${took}${why === undefined ? "" : `: ${why}`}`);
        if (lastLines.length > 0) sayText(lastLines.map((line) => `  ${line}`).join("\n"));
      },
    });
    say(`written: ${files.table}, ${files.json}`);
    if (signal.aborted) throw signal.reason instanceof Interrupted ? signal.reason : new Error(words.stopped);
    return results.filter(({ status }) => status !== "done").map(({ name }) => name);
  });
}
