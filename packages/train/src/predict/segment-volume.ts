import {
  type Channels,
  channelZScores,
  createNiftiSliceWriter,
  DataError,
  fromCanonical,
  type ImageFiles,
  imagePaths,
  isSameFile,
  mapChannels,
  type NiftiHeader,
  type NiftiVolume,
  openNiftiSlices,
  type PlaneBox,
  readChannels,
  readNifti,
  type Storage,
  toCanonical,
  type Volume,
  type VoxelArray,
  volumeSlices,
  writeNifti,
  ZScoreSums,
} from "@lobule/data";
import { type LargestComponentOptions, largestComponent } from "@lobule/metrics";
import { BodyBox, bodyBoxOf } from "../model/body-box.js";
import { type Postprocessing, postprocessed } from "../model/postprocessing.js";
import { slicesAt, withMargin } from "./evaluate-cases.js";
import { Kept, type PreviewSlice } from "./kept-slices.js";
import { fromCanonicalPlane, type PlaneOrientation, planeOrientation, toCanonicalPlane } from "./plane-orientation.js";
import type { ScanZScores, SlicePredictor, UncertainSlice } from "./slice-predictor.js";
import { type MapPaths, streamedUncertainty, type UncertaintyFiles, wholeUncertainty } from "./uncertainty-files.js";

/** A scan: path of a NIfTI file, the files of its channels, or a volume of one channel that was read before. */
export type ScanInput = string | ImageFiles | Volume;

/** How a scan is segmented. */
export interface SegmentOptions {
  /** Keeps only the largest connected part; the whole label map is in memory then, a byte a voxel. */
  readonly largestComponent?: LargestComponentOptions;
  /** What is done to the labels before that; the whole label map is in memory then too. */
  readonly postprocessing?: Pick<Postprocessing, "rules">;
  /** Where maps of how unsure the model is are written, by a predictor that makes them; none by default. */
  readonly maps?: MapPaths;
  /** Where these are; the storage of the labels by default. */
  readonly mapStorage?: Storage;
  /** How many slices to keep for a picture; 0 by default. */
  readonly previews?: number;
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** What was found in a scan. */
export interface SegmentResult {
  readonly header: NiftiHeader;
  /** Voxels of each class. */
  readonly voxels: readonly number[];
  /** ml of each class. */
  readonly milliliters: readonly number[];
  readonly previews: readonly PreviewSlice[];
  /** Of each channel of the scan, where the network sees such. */
  readonly zScores: ScanZScores;
  /** What is odd in the scan's file and does no harm, a sentence each. */
  readonly notes: readonly string[];
}

/**
 * Segments a scan and writes its labels, uint8, on the scan's own grid: shape, both transforms with their codes, spacing
 * and units as in the input.
 *
 * Axial slices are streamed: memory is that of one batch of slices, whatever their number, unless the largest component
 * is asked for, the scan has several channels or the file's last axis is not the body's, when the volume is held as a whole.
 * Where the network sees z-scores by the scan itself, or the body alone, the file is read twice.
 * @param input path of a NIfTI file, files of several channels, or a volume that was read of another form.
 * @throws DataError when the scan has another number of channels than the model, when the output is the scan, however it is spelled, the scan cannot be read or the labels cannot be written; nothing is left behind then.
 */
export async function segmentVolume(
  storage: Storage,
  predictor: SlicePredictor,
  input: ScanInput,
  output: string,
  options: SegmentOptions = {},
): Promise<SegmentResult> {
  const files = typeof input === "string" ? { image: input } : "image" in input ? input : undefined;
  for (const path of files === undefined ? [] : imagePaths(files))
    if (await isSameFile(storage, path, output))
      throw new DataError(`${output} is the scan itself; name another output`);
  if (files !== undefined && (predictor.channels > 1 || files.otherChannels !== undefined))
    return segmentChannels(storage, predictor, await readChannels(storage, files, predictor.channels), output, options);
  return segmentOneChannel(
    storage,
    predictor,
    typeof input === "object" && "image" in input ? input.image : input,
    output,
    options,
  );
}

/** Segments a scan whose channels are in memory. */
async function segmentChannels(
  storage: Storage,
  predictor: SlicePredictor,
  scan: Channels<NiftiVolume>,
  output: string,
  options: SegmentOptions,
): Promise<SegmentResult> {
  const [{ header }] = scan;
  const zScores = channelZScores(scan, predictor.inZScores, "the scan");
  const kept = new Kept(header, predictor.classes, options.previews ?? 0);
  await segmentWhole(storage, predictor, scan, output, kept, { ...options, zScores });
  return { ...kept.result(), zScores, notes: scan.flatMap(({ notes }) => notes) };
}

/** Segments a scan of one channel, slice after slice where they are axial. */
async function segmentOneChannel(
  storage: Storage,
  predictor: SlicePredictor,
  input: string | Volume,
  output: string,
  options: SegmentOptions,
): Promise<SegmentResult> {
  const isFile = typeof input === "string";
  const facts = await factsOfInput(storage, predictor, input, options.signal);
  const { zScores } = facts;
  const known = { ...options, ...facts };
  const { header, slices, notes, close } = isFile ? await openNiftiSlices(storage, input) : volumeSlices(input);
  const plane = planeOrientation(header.orientation);
  const kept = new Kept(header, predictor.classes, options.previews ?? 0);
  // While the GPU looks at one batch and has another queued, the one before is used and the next is read.
  const held = (queuedBatches + 2) * (predictor.atOnce + 2 * predictor.margin);
  try {
    if (plane === undefined) {
      await close();
      const volume = isFile ? await readNifti(storage, input) : { ...input, ...gridOf(header), header, notes: [] };
      await segmentWhole(storage, predictor, [volume], output, kept, known);
      return { ...kept.result(), zScores, notes: volume.notes };
    }
    const files = options.maps && streamedUncertainty(options.mapStorage ?? storage, options.maps, header, plane);
    const scan: StreamedScan = { header, slices: slices(held), plane, kept, files, options: known };
    try {
      await segmentStreamed(storage, predictor, scan, output);
      await files?.finish();
    } catch (error) {
      await files?.abort();
      throw error;
    }
  } finally {
    await close();
  }
  return { ...kept.result(), zScores, notes: notes() };
}

/** What the GPU has to do while the labels of one batch are on their way to the host. */
const queuedBatches = 2;

/** What is known of a scan before its slices are labeled, and how they are to be. */
type KnownOptions = SegmentOptions & ScanFacts;

/** What is known of a scan as a whole before its slices are labeled. */
interface ScanFacts {
  readonly zScores: ScanZScores;
  /** Of the body, where the network sees that alone and the slices are axial. */
  readonly box?: PlaneBox;
}

/** A first pass over a scan, where one is needed. @throws DataError when it cannot be read, or its voxels are all the same. */
async function factsOfInput(
  storage: Storage,
  { inZScores, crops }: SlicePredictor,
  input: string | Volume,
  signal?: AbortSignal,
): Promise<ScanFacts> {
  const [byImage = false] = inZScores;
  if (!byImage && !crops) return { zScores: [] };
  const isFile = typeof input === "string";
  const { header, slices, close } = isFile ? await openNiftiSlices(storage, input) : volumeSlices(input);
  const [storedWidth, storedHeight] = header.shape;
  const stored = [storedWidth, storedHeight] as const;
  const plane = planeOrientation(header.orientation);
  const sums = new ZScoreSums();
  const body = new BodyBox(inZScores, ...(plane?.swapped ? ([storedHeight, storedWidth] as const) : stored));
  try {
    for await (const slice of slices(1)) {
      signal?.throwIfAborted();
      if (byImage) sums.add(slice, storedWidth);
      if (crops && plane !== undefined) await body.add([toCanonicalPlane(slice, stored, plane)]);
    }
  } finally {
    await close();
  }
  return {
    zScores: byImage ? [sums.result(isFile ? input : "the scan")] : [],
    ...(crops && plane !== undefined ? { box: body.result() } : {}),
  };
}

const gridOf = ({ shape, spacing, affine }: NiftiHeader) => ({ shape, spacing, affine });

/** A scan whose slices are axial and come one after another. */
interface StreamedScan {
  readonly header: NiftiHeader;
  readonly slices: AsyncIterable<VoxelArray>;
  readonly plane: PlaneOrientation;
  readonly kept: Kept;
  /** Where maps go, if any are asked for. */
  readonly files: UncertaintyFiles | undefined;
  readonly options: KnownOptions;
}

/** Writes the labels as they come, or of the whole scan where it is looked at as such. */
async function segmentStreamed(
  storage: Storage,
  predictor: SlicePredictor,
  scan: StreamedScan,
  output: string,
): Promise<void> {
  const { header, plane, kept, options } = scan;
  if (options.largestComponent !== undefined || options.postprocessing !== undefined) {
    const cleaned = await cleanedLabels(await labelsOf(predictor, scan), header, options);
    kept.replace(cleaned, plane);
    await writeNifti(storage, output, { ...gridOf(header), data: cleaned }, { header });
    return;
  }
  const writer = createNiftiSliceWriter(storage, output, { grid: gridOf(header), datatype: "uint8", header });
  try {
    await eachSlice(predictor, scan, (labels) => writer.write(labels));
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/**
 * Calls `take` with the labels of each slice, as stored, from the first to the last. While the GPU labels a batch, the
 * labels of the batch before are taken and, at the same time, the slices of the next are read.
 */
async function eachSlice(
  predictor: SlicePredictor,
  { header, slices, plane, kept, files, options: { onProgress, signal, zScores, box } }: StreamedScan,
  take: (labels: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const [storedWidth, storedHeight, depth] = header.shape;
  const stored = [storedWidth, storedHeight] as const;
  const [width, height] = plane.swapped ? [storedHeight, storedWidth] : stored;
  const [storedX, storedY] = header.spacing;
  const spacing = plane.swapped ? ([storedY, storedX] as const) : ([storedX, storedY] as const);
  const { margin } = predictor;
  async function* canonical(): AsyncGenerator<VoxelArray, void> {
    for await (const slice of slices) {
      signal?.throwIfAborted();
      yield toCanonicalPlane(slice, stored, plane);
    }
  }
  let done = 0;
  const use = async (batch: readonly VoxelArray[], found: readonly UncertainSlice[]): Promise<void> => {
    for (const [i, { labels, maps }] of found.entries()) {
      kept.take(done, batch[margin + i] as VoxelArray, labels, width, height);
      await take(fromCanonicalPlane(labels, stored, plane));
      await files?.take(maps);
      done += 1;
    }
    onProgress?.(done, depth);
  };
  const upcoming = batches(canonical(), predictor);
  const read = (): ReturnType<typeof upcoming.next> => {
    const next = upcoming.next();
    // Awaited with its turn; until then a failure must not count as unhandled.
    next.catch(() => undefined);
    return next;
  };
  const queued: { readonly batch: readonly VoxelArray[]; readonly found: Promise<UncertainSlice[]> }[] = [];
  try {
    for (let next = read(); ; ) {
      const { value: batch } = await next;
      signal?.throwIfAborted();
      if (batch !== undefined) {
        const found = predictor.predictUncertain(batch, width, height, spacing, zScores, box);
        found.catch(() => undefined);
        queued.push({ batch, found });
        next = read();
      }
      if (batch !== undefined && queued.length < queuedBatches) continue;
      const [first] = queued;
      if (first === undefined) return;
      const found = await first.found;
      queued.shift();
      await use(first.batch, found);
    }
  } finally {
    // Whoever called may free the predictor then.
    await Promise.allSettled(queued.map(({ found }) => found));
    await upcoming.return(undefined);
  }
}

/**
 * As many slices as are run at once, with those on either side that are looked at only. Beyond the ends of the scan its
 * outermost slice counts again.
 */
async function* batches(
  slices: AsyncIterable<VoxelArray>,
  { atOnce, margin }: SlicePredictor,
): AsyncGenerator<VoxelArray[], undefined> {
  let batch: VoxelArray[] = [];
  for await (const slice of withRepeatedEnds(slices, margin)) {
    batch.push(slice);
    if (batch.length < atOnce + 2 * margin) continue;
    yield batch;
    batch = batch.slice(batch.length - 2 * margin);
  }
  if (batch.length > 2 * margin) yield batch;
  return undefined;
}

async function* withRepeatedEnds(slices: AsyncIterable<VoxelArray>, times: number): AsyncGenerator<VoxelArray, void> {
  let last: VoxelArray | undefined;
  for await (const slice of slices) {
    for (let i = last === undefined ? times : 0; i >= 0; i--) yield slice;
    last = slice;
  }
  for (let i = 0; last !== undefined && i < times; i++) yield last;
}

async function labelsOf(predictor: SlicePredictor, scan: StreamedScan): Promise<Uint8Array> {
  const [width, height, depth] = scan.header.shape;
  const labels = new Uint8Array(width * height * depth);
  let at = 0;
  await eachSlice(predictor, scan, (slice) => {
    labels.set(slice, at);
    at += slice.length;
  });
  return labels;
}

/** Labels of a whole scan with what was asked for done to them. */
async function cleanedLabels(
  labels: Uint8Array,
  grid: Pick<NiftiHeader, "shape" | "affine">,
  { largestComponent: largest, postprocessing = { rules: [] }, ...rest }: SegmentOptions,
): Promise<Uint8Array> {
  const processed = await postprocessed(labels, grid, postprocessing, rest.signal);
  return largest === undefined ? processed : largestComponent(processed, grid.shape, { ...largest, ...signalOf(rest) });
}

const signalOf = ({ signal }: SegmentOptions): Pick<SegmentOptions, "signal"> =>
  signal === undefined ? {} : { signal };

/** For scans whose slices are not axial, or that have several channels. */
async function segmentWhole(
  storage: Storage,
  predictor: SlicePredictor,
  scan: Channels<NiftiVolume>,
  output: string,
  kept: Kept,
  options: KnownOptions,
): Promise<void> {
  const [volume] = scan;
  const channels = mapChannels(scan, (each): Volume => toCanonical(each));
  const [canonical] = channels;
  const [width, height, depth] = canonical.shape;
  const size = width * height;
  const labels = new Uint8Array(size * depth);
  const box = predictor.crops ? await bodyBoxOf(channels, predictor.inZScores, options.signal) : undefined;
  const files = options.maps && wholeUncertainty(options.mapStorage ?? storage, options.maps, canonical, volume);
  for (let first = 0; first < depth; first += predictor.atOnce) {
    options.signal?.throwIfAborted();
    const end = Math.min(first + predictor.atOnce, depth);
    const batch = slicesAt(channels, withMargin(first, end, depth, predictor.margin));
    const found = await predictor.predictUncertain(batch, width, height, canonical.spacing, options.zScores, box);
    for (const [i, { labels: each, maps }] of found.entries()) {
      labels.set(each, (first + i) * size);
      kept.take(first + i, batch[(predictor.margin + i) * channels.length] as VoxelArray, each, width, height);
      await files?.take(maps);
    }
    options.onProgress?.(end, depth);
  }
  const cleaned = await cleanedLabels(labels, canonical, options);
  kept.replace(cleaned);
  const onGrid = fromCanonical({ ...canonical, data: cleaned }, volume);
  await writeNifti(storage, output, onGrid, { header: volume.header });
  await files?.finish();
}
