import type { PhantomTask } from "@lobule/data";
import { z } from "zod";
import { BenchError } from "../bench-error.js";
import { lobule } from "../parts/own-command.js";
import type { Figure, Measured, Part, Reading } from "../parts/part.js";
import { parsed, readTraining } from "../parts/readings.js";
import { testDepths } from "./case-depths.js";

export interface RehearsalOptions {
  readonly task: PhantomTask;
  /** Labeled cases. */
  readonly cases: number;
  /** Voxels along x and along y. */
  readonly size: number;
  readonly seed: number;
  /** Empty folder for the data and all that is made of them. */
  readonly folder: string;
  /** Seconds that one stage may take. */
  readonly limit: number;
  /** Side of the slices that the small network computes on. */
  readonly smallSize: number;
}

const none: readonly string[] = [];
const count = (subject: string, quantity: string, value: number, unit = ""): Figure => ({
  subject,
  quantity,
  value,
  unit,
});

/** What `large-task --json` prints. */
function readWritten(text: string, { seconds }: Measured): Reading {
  const written = parsed(
    z.object({
      cases: z.number(),
      slices: z.number(),
      keptCases: z.number(),
      keptSlices: z.number(),
      bytes: z.number(),
    }),
    text,
  );
  return {
    figures: [
      count("all", "cases", written.cases),
      count("all", "slices", written.slices),
      count("below the recipe's limit", "cases", written.keptCases),
      count("below the recipe's limit", "slices", written.keptSlices),
      count("all", "written", written.bytes / 1e9, "GB"),
      count("all", "slices/s", written.slices / seconds),
    ],
    notes: none,
  };
}

/** `lobule data verify --json`. */
function readVerified(text: string, { seconds }: Measured): Reading {
  const found = z.object({ shape: z.tuple([z.number(), z.number(), z.number()]), problems: z.array(z.string()) });
  const { cases } = parsed(z.object({ cases: z.array(found) }), text);
  const slices = cases.reduce((sum, { shape }) => sum + shape[2], 0);
  return {
    figures: [
      count("verified", "cases", cases.length),
      count("verified", "slices", slices),
      count("verified", "slices/s", slices / seconds),
    ],
    notes: cases.flatMap(({ problems }) => problems),
  };
}

/** What `lobule train` says before its first step, and when that is done. Of counts it parts the thousands by commas. */
export function readDecoding(text: string, { folderBytes }: Measured): Reading {
  const found = /: ([\d,]+) cases \(([\d,]+) slices\) to train on, ([\d,]+) \(([\d,]+)\) to validate on/.exec(text);
  const first = /first steps done ([\d.]+) s after the start/.exec(text);
  if (found === null || first === null) throw new BenchError("it does not say what it trains on, or took no step");
  const [training = 0, trainingSlices = 0, validation = 0, validationSlices = 0] = found
    .slice(1)
    .map((each) => Number(each.replaceAll(",", "")));
  const seconds = Number(first[1]);
  const slices = trainingSlices + validationSlices;
  return {
    figures: [
      count("training", "cases", training),
      count("training", "slices", trainingSlices),
      count("validation", "cases", validation),
      count("validation", "slices", validationSlices),
      count("decoding, to the first steps", "slices", slices),
      count("decoding, to the first steps", "time", seconds, "s"),
      count("decoding, to the first steps", "slices/s", slices / seconds),
      ...(folderBytes === null ? [] : [count("decoding, to the first steps", "cache", folderBytes / 1e9, "GB")]),
    ],
    notes: text.split("\n").filter((line) => line.startsWith("note: ")),
  };
}

/** `lobule evaluate --json`. */
function readEvaluated(text: string, { seconds }: Measured): Reading {
  const { cases } = parsed(z.object({ cases: z.array(z.unknown()) }), text);
  return {
    figures: [
      count("measured", "cases", cases.length),
      count("measured", "time a case, start included", seconds / cases.length, "s"),
    ],
    notes: none,
  };
}

/** The lines of `lobule segment --json`, of scans of so many slices. */
const readSegmented =
  (slices: number) =>
  (text: string, { seconds }: Measured): Reading => {
    const scans = text.split("\n").filter((line) => line.startsWith("{"));
    for (const line of scans) parsed(z.object({ output: z.string() }), line);
    return {
      figures: [
        count("segmented", "scans", scans.length),
        count("segmented", "slices", slices),
        count("segmented", "slices/s", slices / seconds),
      ],
      notes: none,
    };
  };

/**
 * A network and a batch that fit the 512 MiB of Dawn's null backend: the way of the data is the same for any network. Slices
 * have their own size, 512².
 */
const fitting = ["--base-features", "2", "--micro-batch", "4"] as const;

/** Everything that a data set goes through, from the files to labels of new scans. */
export function rehearsalParts({ task, cases, size, seed, folder, limit, smallSize }: RehearsalOptions): Part[] {
  const [data, cache, full, small] = ["data", "slices", "run", "small"] as const;
  const computesNothing = { LOBULE_ADAPTER: "null" };
  const train = (out: string, ...words: readonly string[]): string[] => [
    ...["train", task, "--data", data, "--cache", cache, "--out", out, "--epochs", "1"],
    ...words,
  ];
  const segment = (run: string, labels: string): string[] => [
    ...["segment", `${data}/imagesTs`, "-m", run, "-o", labels, "--json"],
  ];
  const numbers = ["--cases", `${cases}`, "--size", `${size}`, "--seed", `${seed}`];
  const slices = testDepths(task, cases, seed).reduce((sum, depth) => sum + depth, 0);
  const all: readonly Omit<Part, "limit" | "cwd">[] = [
    {
      name: "write",
      title: `${task}: write ${cases} cases of ${size}²`,
      command: lobule(["large-task", data, "--task", task, ...numbers, "--json"]),
      folder: data,
      read: readWritten,
    },
    {
      name: "verify",
      needs: "write",
      title: `${task}: verify them`,
      command: lobule(["data", "verify", data, "--json"]),
      read: readVerified,
    },
    {
      name: "decode",
      needs: "write",
      title: `${task}: select, decode, and an epoch on an adapter that computes nothing`,
      command: lobule(train(full, ...fitting), computesNothing),
      folder: cache,
      read: readDecoding,
    },
    {
      name: "epoch",
      needs: "write",
      title: `${task}: an epoch of decoded slices on an adapter that computes nothing`,
      command: lobule(train("again", "--json", ...fitting), computesNothing),
      read: readTraining,
    },
    {
      name: "small epoch",
      needs: "write",
      title: `${task}: an epoch of a small network at ${smallSize}²`,
      command: lobule(train(small, "--json", "--size", `${smallSize}`, "--base-features", "2", "--depth", "3")),
      read: readTraining,
    },
    {
      name: "evaluate",
      needs: "small epoch",
      title: `${task}: measure the small network on the held-out cases`,
      command: lobule(["evaluate", small, "--json"]),
      read: readEvaluated,
    },
    {
      name: "segment",
      needs: "small epoch",
      title: `${task}: segment two scans with the small network, one of them the longest`,
      command: lobule(segment(small, "labels")),
      read: readSegmented(slices),
    },
    {
      name: "segment, null",
      needs: "decode",
      title: `${task}: segment them on an adapter that computes nothing`,
      command: lobule(segment(full, "null-labels"), computesNothing),
      read: readSegmented(slices),
    },
  ];
  return all.map((part) => ({ ...part, limit, cwd: folder }));
}
