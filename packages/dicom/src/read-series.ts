import { type Affine, plural, type Storage, type Volume, type VoxelArray, visibleText } from "@lobule/data";
import { tags, textOf } from "./attributes.js";
import { DicomError } from "./dicom-error.js";
import { type ParseDicom, parseDicom } from "./parse-dicom.js";
import { isDicom, seriesFiles } from "./series-files.js";
import { type DicomSlice, slicesOf } from "./slices-of-file.js";

/** A series as a volume, and the slices that it was made of. */
export interface SeriesVolume extends Volume {
  /** In the order of the volume's last axis. */
  readonly slices: readonly DicomSlice[];
  /** What is odd and does no harm, a sentence each. */
  readonly notes: readonly string[];
}

/** What is read of a folder or zip, and how. */
export interface SeriesOptions {
  /** Which series; needed where there are several. */
  readonly seriesUid?: string | undefined;
  /** Parses files; {@link parseDicom} where it is not given. */
  readonly parse?: ParseDicom;
  readonly signal?: AbortSignal | undefined;
}

/** mm by which a slice may be off its place: more than rounding in a header makes. */
const tolerance = 0.02;
/** Largest difference of two direction cosines that are the same. */
const sameDirection = 1e-4;

/**
 * Reads the series of a folder, of a .zip, or the frames of one file: its files by their series' UID, sorted by their
 * positions along the normal of the slices, whatever they are called. Values are after slope and intercept; a tilted
 * gantry gives an affine with a shear.
 *
 * @throws DicomError when there is none, there are several and none is named, slices differ in size, orientation or
 * spacing, two are at one place, one is missing, or a file is damaged; what `parse` throws; the signal's reason.
 */
export async function readSeries(
  storage: Storage,
  source: string,
  { seriesUid, parse = parseDicom, signal }: SeriesOptions = {},
): Promise<SeriesVolume> {
  const found = new Map<string, FoundSeries>();
  let others = 0;
  for await (const file of seriesFiles(storage, source)) {
    signal?.throwIfAborted();
    const parsed = isDicom(file.bytes)
      ? await parse(file).catch((error: unknown) => {
          // What parses may have been ended by the same signal, which is nothing wrong with the file.
          signal?.throwIfAborted();
          throw error;
        })
      : undefined;
    if (parsed === undefined) {
      others++;
      continue;
    }
    const uid = textOf(parsed.attributes, tags.series) ?? "";
    const series = found.get(uid) ?? {
      name: textOf(parsed.attributes, tags.seriesDescription) ?? "",
      files: 0,
      slices: [],
    };
    found.set(uid, series);
    series.files++;
    // What is wrong with a series that is not asked for keeps none from being read.
    if (seriesUid === undefined || uid === seriesUid) series.slices.push(...slicesOf(file.path, parsed));
  }
  const slices = sorted(oneSeries(source, found, seriesUid));
  const [only] = slices;
  if (slices.length === 1 && only?.path === source && only.frame === undefined)
    throw new DicomError(`${source} is a slice of a DICOM series; give the folder of the series, or a .zip of it`);
  const step = stepOf(source, slices);
  const notes =
    others === 0
      ? []
      : [
          `${plural(others, "file")} of ${source} ${others === 1 ? "holds no image and is" : "hold no image and are"} left out`,
        ];
  return { ...volumeOf(slices, step), slices, notes };
}

/** What a folder holds of one series. */
interface FoundSeries {
  /** Its description, which may be empty. */
  readonly name: string;
  files: number;
  /** In no order; none of a series that is not asked for. */
  readonly slices: DicomSlice[];
}

/** @throws DicomError where no series is meant, or several. */
function oneSeries(
  folder: string,
  found: ReadonlyMap<string, FoundSeries>,
  wanted: string | undefined,
): readonly DicomSlice[] {
  const all = [...found];
  const [first] = all;
  if (first === undefined)
    throw new DicomError(`${folder} holds no DICOM images; give the folder of a series, or a .zip of one`);
  const chosen = wanted === undefined ? (all.length === 1 ? first[1] : undefined) : found.get(wanted);
  if (chosen === undefined) {
    const list = all.slice(0, 6).map(([uid, { name, files }]) => {
      const called = name === "" ? "" : `, ${visibleText(name).slice(0, 40)}`;
      return `${visibleText(uid).slice(0, 64)} (${files} ${files === 1 ? "file" : "files"}${called})`;
    });
    throw new DicomError(
      `${folder} holds ${wanted === undefined ? `${all.length} series` : `no series ${visibleText(wanted).slice(0, 64)}`}; name one with --series: ${list.join(", ")}${all.length > 6 ? ", …" : ""}`,
    );
  }
  const { slices } = chosen;
  const [reference] = slices;
  const odd = reference && slices.find((slice) => !isAlike(reference, slice));
  if (reference !== undefined && odd !== undefined) {
    throw new DicomError(
      `${odd.path} differs from ${reference.path} in size, orientation or pixel spacing, though both are of one series; take those that are wanted into a series of their own`,
    );
  }
  return slices;
}

function isAlike(a: DicomSlice, b: DicomSlice): boolean {
  const close = (p: readonly number[], q: readonly number[], by: number): boolean =>
    p.every((value, i) => Math.abs(value - (q[i] ?? Number.NaN)) <= by);
  return (
    a.rows === b.rows &&
    a.columns === b.columns &&
    close(a.spacing, b.spacing, 1e-3 * Math.max(...a.spacing)) &&
    close(a.directions.flat(), b.directions.flat(), sameDirection)
  );
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

/** At right angles to the slices. */
function normalOf({ directions: [along, down] }: DicomSlice): [number, number, number] {
  const [[a, b, c], [d, e, f]] = [along, down];
  return [b * f - c * e, c * d - a * f, a * e - b * d];
}

function sorted(slices: readonly DicomSlice[]): DicomSlice[] {
  const [first] = slices;
  const normal = first === undefined ? [0, 0, 1] : normalOf(first);
  return slices.toSorted((a, b) => dot(a.position, normal) - dot(b.position, normal));
}

/** From one slice to the next, mm in LPS. @throws DicomError where they are not all the same. */
function stepOf(folder: string, slices: readonly DicomSlice[]): readonly [number, number, number] {
  const [first, last] = [slices[0], slices.at(-1)];
  if (first === undefined || last === undefined) throw new DicomError(`${folder} holds no DICOM images`);
  const normal = normalOf(first);
  const gaps = slices.slice(1).map((slice, i) => dot(slice.position, normal) - dot(slices[i]?.position ?? [], normal));
  const count = gaps.length;
  if (count === 0) {
    const thickness = first.thickness ?? 1;
    return [normal[0] * thickness, normal[1] * thickness, normal[2] * thickness];
  }
  const twice = gaps.findIndex((gap) => gap < tolerance);
  if (twice >= 0) {
    const what =
      slices[twice]?.frame === undefined
        ? "leave one of them out"
        : "frames of several times, phases or energies are no volume, so export those of one as a series";
    throw new DicomError(`${slices[twice]?.path} and ${slices[twice + 1]?.path} are at the same place; ${what}`);
  }
  const usual = gaps.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? 1;
  const odd = gaps.findIndex((gap) => Math.abs(gap - usual) > Math.max(tolerance, 0.01 * usual));
  if (odd >= 0) {
    const gap = gaps[odd] ?? 0;
    const missing = Math.round(gap / usual) - 1;
    const what =
      missing >= 1 && Math.abs(gap - (missing + 1) * usual) <= 0.05 * usual
        ? `, so ${missing} ${missing === 1 ? "slice is" : "slices are"} missing`
        : "";
    throw new DicomError(
      `${slices[odd]?.path} and ${slices[odd + 1]?.path} are ${gap.toFixed(2)} mm apart, where slices of the series are ${usual.toFixed(2)} mm apart${what}; complete the series, or resample it`,
    );
  }
  const along = (axis: 0 | 1 | 2): number => (last.position[axis] - first.position[axis]) / count;
  return [along(0), along(1), along(2)];
}

function volumeOf(slices: readonly DicomSlice[], step: readonly [number, number, number]): Volume {
  const [first] = slices;
  if (first === undefined) throw new RangeError("a volume has slices");
  const { columns, rows, spacing, directions, position } = first;
  // LPS to RAS.
  const row = (axis: 0 | 1 | 2): Affine[0] => {
    const sign = axis === 2 ? 1 : -1;
    return [directions[0][axis] * spacing[0], directions[1][axis] * spacing[1], step[axis], position[axis]].map(
      (value) => sign * value + 0,
    ) as [number, number, number, number];
  };
  const size = rows * columns;
  const isWhole = slices.every(({ values }) => values instanceof Int16Array);
  const data: VoxelArray = isWhole ? new Int16Array(size * slices.length) : new Float32Array(size * slices.length);
  for (const [i, { values }] of slices.entries()) data.set(values, i * size);
  return {
    shape: [columns, rows, slices.length],
    spacing: [spacing[0], spacing[1], Math.hypot(...step)],
    affine: [row(0), row(1), row(2)],
    data,
  };
}
