import { z } from "zod";
import { BenchError } from "../bench-error.js";
import { speedRatio } from "../timing.js";
import type { Figure, Measured, Reading } from "./part.js";

/** A number of JSON that may be missing there. */
const known = z.number().nullable();
const timing = z.object({
  name: z.string(),
  milliseconds: z.number(),
  spread: z.tuple([z.number(), z.number()]),
  rounds: z.number(),
  each: z.array(z.number()),
});
type ReadTiming = z.infer<typeof timing>;
const memory = z.object({ peakBytes: known, residentBytes: z.number() });
const absent = z.array(z.object({ name: z.string(), why: z.string() }));
const peer = z.object({ name: z.string(), step: timing.nullable(), forward: timing, memory });

/** @throws BenchError where the text is no JSON; an error of zod's where it is another. */
export function parsed<Schema extends z.ZodType>(schema: Schema, text: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BenchError(`what it printed is no JSON, but '${text.trim().slice(0, 60)}'`);
  }
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new BenchError(`its JSON is another: ${issue?.path.join(".")}: ${issue?.message}`);
}

const timed = (subject: string, quantity: string, { milliseconds, spread }: ReadTiming): Figure => ({
  subject,
  quantity,
  value: milliseconds,
  unit: "ms",
  spread,
});

const inMegabytes = (subject: string, quantity: string, bytes: number | null): Figure[] =>
  bytes === null ? [] : [{ subject, quantity, value: bytes / 1e6, unit: "MB" }];

/** How fast Lobule is, in times another, by the rounds in which both were timed. */
function ratio(subject: string, quantity: string, ours: ReadTiming, other: ReadTiming): Figure {
  const { median, spread } = speedRatio(ours, other);
  return { subject, quantity: `Lobule's speed in ${quantity}, times its`, value: median, unit: "×", spread };
}

const notRun = (missing: z.infer<typeof absent>): string[] =>
  missing.map(({ name, why }) => `not run: ${name}: ${why}`);

/** `lobule doctor --json`. The first note is the adapter's name. */
export function readDoctor(text: string): Reading {
  const report = parsed(
    z.object({ adapter: z.object({ name: z.string() }), selfTest: z.array(z.object({ passed: z.boolean() })) }),
    text,
  );
  const passed = report.selfTest.filter((test) => test.passed).length;
  const figures = [
    { subject: "self-test", quantity: "passed", value: passed, unit: "" },
    { subject: "self-test", quantity: "of", value: report.selfTest.length, unit: "" },
  ];
  return { figures, notes: [report.adapter.name] };
}

/** `lobule parity --json`. */
export function readParity(text: string): Reading {
  const { checks } = parsed(
    z.object({ checks: z.array(z.object({ fixture: z.string(), tensor: z.string(), ok: z.boolean() })) }),
    text,
  );
  const wrong = checks.filter(({ ok }) => !ok);
  return {
    figures: [
      { subject: "checks", quantity: "within their limits", value: checks.length - wrong.length, unit: "" },
      { subject: "checks", quantity: "of", value: checks.length, unit: "" },
    ],
    notes: wrong.slice(0, 10).map(({ fixture, tensor }) => `outside its limit: ${tensor} of ${fixture}`),
  };
}

/** What `bench peers --out` leaves. */
export function readPeers(text: string): Reading {
  const file = parsed(
    z.object({ details: z.object({ peers: z.object({ ours: peer, peers: z.array(peer), absent }) }) }),
    text,
  );
  const { ours, peers, absent: missing } = file.details.peers;
  const figures = [ours, ...peers].flatMap((each) => [
    ...(each.step === null ? [] : [timed(each.name, "training step", each.step)]),
    timed(each.name, "forward pass", each.forward),
    ...(each === ours || ours.step === null || each.step === null
      ? []
      : [ratio(each.name, "a step", ours.step, each.step)]),
    ...(each === ours ? [] : [ratio(each.name, "a forward pass", ours.forward, each.forward)]),
    ...inMegabytes(each.name, "most memory on the device, by its own count", each.memory.peakBytes),
  ]);
  return { figures, notes: notRun(missing) };
}

/** What `bench volume --out` leaves. */
export function readVolume(text: string): Reading {
  const labeled = z.object({ name: z.string(), timing, memory });
  const volume = z.object({
    slices: z.number(),
    ours: labeled,
    peers: z.array(labeled.extend({ equal: z.number() })),
    absent,
  });
  const {
    slices,
    ours,
    peers,
    absent: missing,
  } = parsed(z.object({ details: z.object({ volume }) }), text).details.volume;
  const figures = [ours, ...peers].flatMap((each) => [
    timed(each.name, "a volume", each.timing),
    { subject: each.name, quantity: "slices/s", value: (1000 * slices) / each.timing.milliseconds, unit: "" },
    ...(each === ours ? [] : [ratio(each.name, "a volume", ours.timing, each.timing)]),
    ...("equal" in each
      ? [{ subject: each.name, quantity: "same labels", value: 100 * Number(each.equal), unit: "%" }]
      : []),
    ...inMegabytes(each.name, "most memory on the device, by its own count", each.memory.peakBytes),
  ]);
  return { figures, notes: notRun(missing) };
}

/** Kernels that a table names, those that take most time. */
const namedKernels = 15;

/** What `bench kernels --out` leaves. */
export function readKernels(text: string): Reading {
  const kernel = timing.extend({ dispatches: z.number(), share: z.number(), ofRoof: z.number(), flops: z.number() });
  const roof = z.object({ bytesPerSecond: z.number(), flopsPerSecond: z.number() });
  const { details } = parsed(
    z.object({ details: z.object({ kernels: z.object({ roof, kernels: z.array(kernel) }) }) }),
    text,
  );
  const { roof: most, kernels } = details.kernels;
  const all = kernels.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const flops = kernels.reduce((sum, each) => sum + each.flops, 0);
  const atRoof = kernels.reduce((sum, { milliseconds, ofRoof }) => sum + milliseconds * ofRoof, 0);
  const row = (subject: string, milliseconds: number, dispatches: number, ofRoof: number, operations: number) => [
    { subject, quantity: "time", value: milliseconds, unit: "ms" },
    { subject, quantity: "dispatches", value: dispatches, unit: "" },
    { subject, quantity: "of the roof", value: 100 * ofRoof, unit: "%" },
    { subject, quantity: "rate", value: operations / milliseconds / 1e6, unit: "GFLOP/s" },
  ];
  const dispatches = kernels.reduce((sum, each) => sum + each.dispatches, 0);
  return {
    figures: [
      ...row("all dispatches", all, dispatches, atRoof / all, flops),
      ...kernels
        .slice(0, namedKernels)
        .flatMap((each) => row(each.name, each.milliseconds, each.dispatches, each.ofRoof, each.flops)),
    ],
    notes: [`roof: ${(most.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s, ${(most.bytesPerSecond / 1e9).toFixed(1)} GB/s`],
  };
}

/** What `bench model --out` leaves. Memory on the card is that of all processes while it ran, less what was used before. */
export function readModel(text: string, { card }: Measured): Reading {
  const model = z.object({ timings: z.array(timing), firstStep: z.number(), peakBytes: z.number() });
  const { timings, firstStep, peakBytes } = parsed(z.object({ details: z.object({ model }) }), text).details.model;
  return {
    figures: [
      ...timings.map((each) => timed("Lobule", each.name.replace(/ \d+×\d+²$/, ""), each)),
      { subject: "Lobule", quantity: "first step, pipelines made", value: firstStep / 1000, unit: "s" },
      ...inMegabytes("Lobule", "of a step on the device, by the plan", peakBytes),
      ...(card === null ? [] : inMegabytes("Lobule", "most on the card", card.mostBytes - card.beforeBytes)),
    ],
    notes: [],
  };
}

/** The lines of `lobule train --json`. */
export function readTraining(text: string): Reading {
  const epoch = z.object({
    epoch: z.number(),
    seconds: z.number(),
    slicesPerSecond: z.number(),
    waitedShare: z.number(),
    training: z.object({ loss: known }),
  });
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  if (lines.length === 0) throw new BenchError("it trained no epoch");
  const figures = lines
    .map((line) => parsed(epoch, line))
    .flatMap(({ epoch: number, seconds, slicesPerSecond, waitedShare, training }) => {
      const subject = `epoch ${number + 1}`;
      return [
        { subject, quantity: "slices/s in training", value: slicesPerSecond, unit: "" },
        { subject, quantity: "waited for data", value: 100 * waitedShare, unit: "%" },
        { subject, quantity: "time, with validation", value: seconds, unit: "s" },
        ...(training.loss === null ? [] : [{ subject, quantity: "loss", value: training.loss, unit: "" }]),
      ];
    });
  return { figures, notes: [] };
}
