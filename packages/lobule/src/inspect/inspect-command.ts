import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import {
  type Channels,
  channelZScores,
  DataError,
  type Grid,
  mapChannels,
  onGridOf,
  readChannels,
  readDecathlon,
  readJson,
  readNifti,
  requireOutsideVolumes,
  toCanonical,
  type Volume,
  writeFileAtomically,
} from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { montage } from "@lobule/report";
import {
  bodyBoxOf,
  channelsOf,
  inspectSlice,
  isByImage,
  listLabels,
  modalityNote,
  readModel,
  type SliceInspection,
  sameNames,
  unfinishedNote,
} from "@lobule/train";
import { z } from "zod";
import { command, type Values } from "../command-line/command.js";
import { path, required, whole } from "../command-line/option.js";
import { readingFor, scansOfChannels } from "../shared/channel-files.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say, sayText, warn } from "../shared/output.js";
import { requireNoInput } from "../shared/outputs.js";
import { codeTrust, trustCodeOption } from "../shared/trust-code.js";

const positionals = { scan: required(path(".nii or .nii.gz", "input", "SCAN")) };
const options = {
  model: required(path("run folder or checkpoint", "input", "RUN", { short: "m" })),
  out: required(path("folder for gates.png and layers.json", "folder", "DIR", { short: "o" })),
  slice: whole("slice to look at, from 1, counted from the feet [the middle one]", { least: 1 }),
  labels: path("labels of the scan: gradients of the loss are shown too", "input", "FILE"),
  "trust-code": trustCodeOption,
  device: deviceOption,
};
type InspectArguments = Values<typeof positionals & typeof options>;

export const inspectCommand = command({
  name: "inspect",
  describe: "Look inside a model: what its gates and layers make of a slice",
  positionals,
  options,
  run: inspect,
  examples: [["inspect scan.nii.gz -m runs/liver -o inside --slice 40", "one slice"]],
});

async function inspect({ scan, model: source, out, slice, labels, trustCode }: InspectArguments): Promise<void> {
  const model = await readModel(nodeStorage, source, codeTrust({ trustCode }));
  const channels = channelsOf(model.description);
  const image = await readImage(scan, model.description.channels?.map(({ name }) => name) ?? []);
  const [volume] = image;
  const [width, height, depth] = volume.shape;
  const number = slice ?? Math.ceil(depth / 2);
  if (!Number.isInteger(number) || number < 1 || number > depth) {
    throw new DataError(`--slice must be a whole number from 1 to ${depth} for ${scan}, got ${number}`);
  }
  const truth =
    labels === undefined ? undefined : await labelsOf(labels, volume, scan, model.description.classes.length);
  const existing = await stat(out).catch(() => undefined);
  if (existing !== undefined && !existing.isDirectory()) {
    throw new DataError(`${out}: is a file; name a folder with -o`);
  }
  await requireOutsideVolumes(nodeStorage, out, "-o");
  await requireNoInput(
    ["layers.json", "gates.png"].map((name) => ({ option: "-o", path: join(out, name) })),
    [{ what: "scan", path: scan }, ...(labels === undefined ? [] : [{ what: "label map", path: labels }])],
  );
  if (labels !== undefined) await requireSameNames(labels, source, model.description.classes);
  await requireOwn(join(out, "layers.json"), { scan, slice: number, model: model.source });
  for (const note of [
    await unfinishedNote(nodeStorage, model.source),
    await modalityNote(nodeStorage, model.source, [scan]),
  ])
    if (note !== undefined) warn(`note: ${note}`);
  const size = width * height;
  const { inputSlices } = model.description;
  const of = <T extends { subarray(start: number, end: number): T }>(data: T, at: number): T =>
    data.subarray(at * size, (at + 1) * size);
  const slices = Array.from({ length: inputSlices }, (_, i) => {
    const at = number - 1 + i - (inputSlices - 1) / 2;
    return image.map(({ data }) => Float32Array.from(of(data as Float32Array, Math.min(Math.max(at, 0), depth - 1))));
  }).flat();
  const device = await openDevice();
  try {
    const inspection = await inspectSlice(device, model, {
      slices,
      width,
      height,
      spacing: volume.spacing,
      zScores: channelZScores(image, channels.map(isByImage), scan),
      ...(model.description.crop === undefined ? {} : { box: await bodyBoxOf(image, channels.map(isByImage)) }),
      ...(truth === undefined ? {} : { labels: of(truth, number - 1) }),
    });
    await nodeStorage.makeFolder(out);
    await write(out, { scan, slice: number, model: model.source }, inspection);
  } finally {
    device.destroy();
  }
}

/** The channels of a scan in canonical order. @param names of the model's, where it takes several. */
async function readImage(scan: string, names: readonly string[]): Promise<Channels> {
  if (names.length < 2) return [toCanonical(await readingFor(1, () => readWithNotes(scan)))];
  const [files = { scan }] = await scansOfChannels([scan], names);
  const { scan: path, ...others } = files;
  const volumes = await readingFor(names.length, () =>
    readChannels(nodeStorage, { image: path, ...others }, names.length),
  );
  for (const note of volumes.flatMap(({ notes }) => notes)) warn(`note: ${scan}: ${note}`);
  return mapChannels(volumes, (each): Volume => toCanonical(each));
}

/** The volume of a file; what is odd in it is said on the error stream. */
async function readWithNotes(file: string): Promise<Volume> {
  const volume = await readNifti(nodeStorage, file);
  for (const note of volume.notes) warn(`note: ${file}: ${note}`);
  return volume;
}

async function labelsOf(path: string, scan: Grid, scanPath: string, classes: number): Promise<Uint8Array> {
  const { data } = onGridOf(await readWithNotes(path), scan, [path, `the scan ${scanPath}`]);
  const labels = Uint8Array.from(data as ArrayLike<number>);
  const strange = labels.find((label, i) => label >= classes || label !== data[i]);
  if (strange !== undefined)
    throw new DataError(`${path} holds labels that are none of the model's ${classes} classes`);
  return labels;
}

/** @throws DataError when the labels are of a Decathlon folder that calls them otherwise than the model. */
async function requireSameNames(labels: string, model: string, classes: readonly string[]): Promise<void> {
  const task = await readDecathlon(nodeStorage, dirname(dirname(resolve(labels)))).catch(() => undefined);
  if (task === undefined || sameNames(task.labels, classes)) return;
  throw new DataError(
    `the labels of ${task.directory} (${listLabels(task.labels)}) are not those of ${model} (${listLabels(classes)}); give labels with the model's values, or leave out --labels`,
  );
}

const inspectedSchema = z.looseObject({ scan: z.string(), slice: z.number(), model: z.string() });

/** @throws DataError when a folder has what another scan, slice or model gave, which would be replaced. */
async function requireOwn(path: string, what: z.output<typeof inspectedSchema>): Promise<void> {
  const before = inspectedSchema.safeParse(await readJson(nodeStorage, path, "record").catch(() => undefined));
  if (!before.success) return;
  const { scan, slice, model } = before.data;
  if (resolve(scan) === resolve(what.scan) && slice === what.slice && resolve(model) === resolve(what.model)) return;
  throw new DataError(`${path} is of slice ${slice} of ${scan} by ${model}; name another folder with -o`);
}

/** gates.png, layers.json and the table. */
async function write(
  out: string,
  what: Readonly<Record<string, string | number>>,
  { input, layers, gates, loss }: SliceInspection,
): Promise<void> {
  const json = { ...what, loss, layers, gates: gates.map(({ name, width, height }) => ({ name, width, height })) };
  await writeFileAtomically(nodeStorage, join(out, "layers.json"), `${JSON.stringify(json, null, 2)}\n`);
  if (gates.length > 0) await writeGates(join(out, "gates.png"), `slice ${what.slice}`, input, gates);
  // Last, since an output that nobody reads any more ends the process.
  sayText(layerTable(layers));
  if (loss !== null) say(`Dice-CE of the slice: ${loss.toFixed(4)}`);
  say(`written: ${join(out, "layers.json")}`);
  if (gates.length === 0) {
    say("the network has no attention gates, so there is no gates.png");
    return;
  }
  const ranges = gates.map(
    ({ name, width, height, alpha }) => `  ${name}, ${width}×${height}: α from ${rangeOf(alpha)}`,
  );
  say(
    `written: ${join(out, "gates.png")}: the slice, then what each gate lets through,`,
    "black nothing, white all:",
    ...ranges,
  );
}

/** The slice, then what each gate lets through. */
async function writeGates(
  path: string,
  title: string,
  input: SliceInspection["input"],
  gates: SliceInspection["gates"],
): Promise<void> {
  // Canonical slices run to the right and to the front; turned by 180° they lie as radiologists look at them.
  const tiles = [
    {
      width: input.width,
      height: input.height,
      image: input.values.slice().reverse(),
      caption: [title, `${input.width}x${input.height}, windowed`],
    },
    ...gates.map(({ name, width, height, alpha }) => ({
      width,
      height,
      image: alpha.slice().reverse(),
      caption: [name, `${width}x${height}, ${rangeOf(alpha)}`],
    })),
  ];
  await writeFileAtomically(
    nodeStorage,
    path,
    montage(tiles, 5, {
      scale: ["0: nothing", "0.5", "1: all"],
      notes: ["What each gate lets through of its skip connection, with the lowest and the highest value."],
    }),
  );
}

/** The lowest and the highest of some values. */
function rangeOf(values: Float32Array): string {
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  return `${low.toFixed(3)} to ${high.toFixed(3)}`;
}

function layerTable(layers: SliceInspection["layers"]): string {
  const width = Math.min(30, Math.max(...layers.map(({ name }) => name.length)));
  const short = (name: string): string => (name.length <= width ? name : `…${name.slice(name.length - width + 1)}`);
  const number = (value: number | null): string => (value === null ? "" : value.toPrecision(3)).padStart(11);
  return [
    `${"layer".padEnd(width)}${"mean".padStart(11)}${"deviation".padStart(11)}${"zeros".padStart(7)}${"gradient".padStart(12)}`,
    ...layers.map(
      ({ name, mean, deviation, zeros, gradient }) =>
        `${short(name).padEnd(width)}${number(mean)}${number(deviation)}${`${(100 * zeros).toFixed(0)} %`.padStart(7)} ${number(gradient)}`,
    ),
  ].join("\n");
}
