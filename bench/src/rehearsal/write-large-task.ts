import { statfs } from "node:fs/promises";
import { join } from "node:path";
import {
  encodeHeader,
  type Grid,
  type PhantomTask,
  phantomCase,
  phantomLabels,
  type Replacement,
  reason,
  writeFileAtomically,
} from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { BenchError } from "../bench-error.js";
import { caseDepths, realTasks, testDepths } from "./case-depths.js";
import { gzipFile, type PackedBytes, packBytes } from "./packed-slices.js";

export interface LargeTaskOptions {
  readonly task: PhantomTask;
  /** Labeled cases, at least 4. */
  readonly cases: number;
  /** Voxels along x and along y. */
  readonly size: number;
  readonly seed: number;
  readonly onProgress?: (written: number, all: number) => void;
}

/** What was written of a large task. */
export interface WrittenTask {
  readonly cases: number;
  /** Of all labeled cases together. */
  readonly slices: number;
  /** Of cases that the recipe keeps. */
  readonly keptCases: number;
  /** Of these together. */
  readonly keptSlices: number;
  /** Of all files. */
  readonly bytes: number;
}

/** Patients that are drawn, and slices of each; cases repeat them. */
const patients = 3;
const drawn = 12;
/** Share of a scan above the drawn slices and of that below them, where their outermost are repeated. */
const margin = 0.2;
/** Bytes that are written at once. */
const atOnce = 4 * 2 ** 20;

/** The slices of a patient, compressed one by one. */
interface Template {
  readonly grid: Grid;
  readonly image: readonly PackedBytes[];
  readonly label: readonly PackedBytes[];
}

function drawTemplate({ task, size, seed }: LargeTaskOptions, caseNumber: number): Template {
  const { image, label } = phantomCase({ seed, caseNumber, size, slices: [drawn, drawn], task });
  const slicesOf = ({ data }: { readonly data: Int16Array | Uint8Array }): PackedBytes[] => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const each = bytes.length / drawn;
    return Array.from({ length: drawn }, (_, z) => packBytes(bytes.subarray(z * each, (z + 1) * each)));
  };
  const { shape, spacing, affine } = image;
  return { grid: { shape, spacing, affine }, image: slicesOf(image), label: slicesOf(label) };
}

/** Which drawn slice stands at each place of a scan of so many slices, further down by so many. */
export const drawnAt = (depth: number, shift: number): number[] =>
  Array.from({ length: depth }, (_, z) => {
    const place = ((z - shift + 0.5) / depth - margin) / (1 - 2 * margin);
    return Math.min(drawn - 1, Math.max(0, Math.floor(place * drawn)));
  });

/**
 * By how many slices each scan of these depths is further down than the drawn slices say. Scans of one patient that have as
 * many slices differ in that: no two scans have the same image, of which training would leave one out.
 */
export function shiftsOf(depths: readonly number[]): number[] {
  const seen = new Map<string, number>();
  return depths.map((depth, at) => {
    const alike = `${at % patients} ${depth}`;
    const shift = seen.get(alike) ?? 0;
    seen.set(alike, shift + 1);
    return shift;
  });
}

/** The grid of a scan of so many slices that goes as far beyond the drawn ones as its margins say. */
function gridOf({ shape: [width, height], spacing, affine }: Grid, depth: number): Grid {
  const [x, y, drawnBetween] = spacing;
  const between = (drawnBetween * drawn) / (1 - 2 * margin) / depth;
  const scale = between / drawnBetween;
  const [a, b, c] = affine;
  const row = ([i, j, k, origin]: Grid["affine"][0]): Grid["affine"][0] => [i, j, k * scale, origin];
  return { shape: [width, height, depth], spacing: [x, y, between], affine: [row(a), row(b), row(c)] };
}

/** The parts of a volume's file: its header, and its slices as they were drawn. */
const volumeOf = (
  grid: Grid,
  shift: number,
  slices: readonly PackedBytes[],
  datatype: "int16" | "uint8",
): PackedBytes[] => [
  packBytes(encodeHeader(grid, datatype, undefined)),
  ...drawnAt(grid.shape[2], shift).flatMap((z) => slices[z] ?? []),
];

/** Writes a gzip file. @returns its bytes. @throws BenchError naming it where that cannot be done. */
async function writePacked(path: string, parts: readonly PackedBytes[]): Promise<number> {
  try {
    return await writeInto(await nodeStorage.replace(path), parts);
  } catch (error) {
    throw new BenchError(`${path} cannot be written: ${reason(error)}`, { cause: error });
  }
}

async function writeInto(file: Replacement, parts: readonly PackedBytes[]): Promise<number> {
  let bytes = 0;
  try {
    let waiting: Uint8Array[] = [];
    let held = 0;
    const flush = async (): Promise<void> => {
      await file.write(Buffer.concat(waiting));
      bytes += held;
      [waiting, held] = [[], 0];
    };
    for (const piece of gzipFile(parts)) {
      waiting.push(piece);
      held += piece.length;
      if (held >= atOnce) await flush();
    }
    await flush();
    await file.commit();
  } finally {
    await file.discard();
  }
  return bytes;
}

/** @throws BenchError where the files would not fit. */
async function requireDisk(folder: string, templates: readonly Template[], depths: readonly number[]): Promise<void> {
  const mean = (parts: readonly PackedBytes[]): number =>
    parts.reduce((sum, { packed }) => sum + packed.length, 0) / parts.length;
  const bytes = templates.reduce((sum, { image, label }) => sum + mean(image) + mean(label), 0) / templates.length;
  const needed = bytes * depths.reduce((sum, depth) => sum + depth, 0);
  const { blocks, bavail, bsize } = await statfs(folder);
  // A file system that says nothing of its size has no blocks.
  if (blocks > 0 && needed > bavail * bsize) {
    const gigabytes = (value: number): string => (value / 1e9).toFixed(1);
    throw new BenchError(
      `the scans take about ${gigabytes(needed)} GB in ${folder}, and ${gigabytes(bavail * bsize)} GB are free; lower --cases or --size`,
    );
  }
}

/**
 * Writes a synthetic Decathlon task of the numbers and sizes of a real one, in about the time that the disk needs: each case
 * repeats slices of a few patients, which are drawn and compressed once.
 * @param folder new or empty.
 * @throws BenchError where there is no room for it.
 */
export async function writeLargeTask(folder: string, options: LargeTaskOptions): Promise<WrittenTask> {
  const { task, cases, seed, onProgress } = options;
  const { limit } = realTasks[task];
  const depths = caseDepths(task, cases, seed);
  const scans = [...depths, ...testDepths(task, cases, seed)];
  for (const name of ["imagesTr", "labelsTr", "imagesTs"]) await nodeStorage.makeFolder(join(folder, name));
  const templates = Array.from({ length: patients }, (_, patient) => drawTemplate(options, patient));
  await requireDisk(folder, templates, scans);
  let bytes = 0;
  const fileOf = (at: number): string => `${task}_${String(at + 1).padStart(3, "0")}.nii.gz`;
  const shifts = shiftsOf(scans);
  for (const [at, depth] of scans.entries()) {
    const template = templates[at % patients];
    if (template === undefined) continue;
    const grid = gridOf(template.grid, depth);
    const shift = shifts[at] ?? 0;
    const isLabeled = at < cases;
    const image = join(folder, isLabeled ? "imagesTr" : "imagesTs", fileOf(at));
    bytes += await writePacked(image, volumeOf(grid, shift, template.image, "int16"));
    if (isLabeled) {
      bytes += await writePacked(join(folder, "labelsTr", fileOf(at)), volumeOf(grid, shift, template.label, "uint8"));
    }
    onProgress?.(at + 1, scans.length);
  }
  const files = scans.map((_, at) => fileOf(at));
  const description = {
    name: `Rehearsal of ${task}`,
    description: "Synthetic patients, their slices repeated. No real data.",
    tensorImageSize: "3D",
    modality: { "0": "CT" },
    labels: Object.fromEntries(phantomLabels[task].names.map((name, value) => [value, name])),
    numTraining: cases,
    numTest: scans.length - cases,
    training: files.slice(0, cases).map((file) => ({ image: `./imagesTr/${file}`, label: `./labelsTr/${file}` })),
    test: files.slice(cases).map((file) => `./imagesTs/${file}`),
  };
  await writeFileAtomically(nodeStorage, join(folder, "dataset.json"), `${JSON.stringify(description, null, 2)}\n`);
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const kept = depths.filter((depth) => depth < limit);
  return { cases, slices: sum(depths), keptCases: kept.length, keptSlices: sum(kept), bytes };
}
