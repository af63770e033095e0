import {
  type Channels,
  DataError,
  type DecathlonTask,
  entryAt,
  imagePaths,
  mapChannels,
  onGridOf,
  readChannels,
  readDecathlon,
  readNifti,
  requireOutsideVolumes,
  toCanonical,
  type Volume,
  writeFileAtomically,
} from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { renderAugmentation } from "@lobule/report";
import {
  type Augmentation,
  augmentationExamples,
  augmentationKinds,
  automaticWindow,
  channelNames,
  channelsText,
  resolveLayers,
  type ShownChannel,
  usualAugmentation,
} from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import {
  choice,
  flag,
  list,
  number,
  path,
  repeated,
  required,
  text,
  whole,
  withDefault,
} from "../command-line/option.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say } from "../shared/output.js";
import { requireNoInput } from "../shared/outputs.js";
import { readSettingsFile, runSettings } from "../shared/settings-file.js";
import { brief } from "../shared/text.js";
import { flagOf } from "../train/train-options.js";

const positionals = { dir: required(path("Decathlon folder of the cases", "input", "DIR")) };
const options = {
  out: required(path("page to write", "file", "FILE", { short: "o" })),
  augment: choice(augmentationKinds, "augmentation to show [that of --config, else nnunet]"),
  config: path("YAML or JSON file with settings, whose augmentation is shown", "input", "FILE"),
  case: text("case to show [the first one]", "NAME"),
  slice: whole("slice to show, from 1, counted from the feet [the one with the most of the last class]", { least: 1 }),
  size: withDefault(whole("side that the slice is resampled to, in pixels", { least: 16, most: 512 }), 192),
  window: repeated(
    list(number("HU that become black and white; of several channels given for all or for each [automatic]"), 2),
  ),
  seed: withDefault(whole("seed of what is drawn", { least: 0 }), 0),
  force: flag("replace a file that is there"),
  device: deviceOption,
};
type Arguments = Values<typeof positionals & typeof options>;

/** `lobule data augmentations DIR -o page.html`: what each part of an augmentation does to a slice. */
export const augmentationsCommand = command({
  name: "data augmentations",
  describe: "Show what the augmentations of training do to a slice, as a page",
  positionals,
  options,
  run: showAugmentations,
  examples: [["data augmentations Task03_Liver -o page.html", "nnU-Net's, on one slice"]],
});

async function showAugmentations(args: Arguments): Promise<void> {
  const { dir, out, size, seed, force } = args;
  if (!force && (await entryAt(nodeStorage, out)) !== undefined)
    throw new DataError(`${out} is there already; remove it or add --force`);
  const augmentation = await augmentationOf(args);
  const task = await readDecathlon(nodeStorage, dir);
  await requireOutsideVolumes(nodeStorage, out, "-o");
  const { name, slice, depth, values, labels, width, height, inputs } = await sliceOf(task, args);
  await requireNoInput([{ option: "-o", path: out }], inputs);
  const channels = shownChannels(task, args, values, `slice ${slice} of ${name}`);
  const device = await openDevice();
  try {
    const groups = await augmentationExamples(device, {
      channels,
      labels,
      width,
      height,
      size,
      augmentation,
      seed,
    });
    const page = renderAugmentation({
      title: task.name,
      slice: `Slice ${slice} of ${depth} of ${name}, ${size} × ${size} pixels, ${windowsText(channels)}`,
      kind: augmentation.kind,
      classes: task.labels,
      size,
      groups,
    });
    await writeFileAtomically(nodeStorage, out, new TextEncoder().encode(page));
    say(`${out}: the augmentation ${augmentation.kind} on slice ${slice} of ${name}`);
  } finally {
    device.destroy();
  }
}

async function augmentationOf({ augment, config, dir }: Arguments): Promise<Augmentation> {
  if (augment !== undefined) return usualAugmentation(augment);
  if (config === undefined) return usualAugmentation("nnunet");
  const { settings, lineOf } = await readSettingsFile(config, runSettings);
  const { augmentation } = resolveLayers(null, [
    { settings: { data: dir }, nameOf: flagOf },
    { settings, nameOf: (at) => `'${at.join(".")}' of ${config}${lineOf(at)}` },
  ]);
  return augmentation;
}

/**
 * Each channel of a slice with its window.
 * @throws DataError when there are windows for another number of channels, or none shows anything.
 */
function shownChannels(
  task: DecathlonTask,
  { window: windows = [] }: Arguments,
  values: Channels<Float32Array>,
  slice: string,
): Channels<ShownChannel> {
  const names = channelNames(task);
  if (windows.length > 1 && windows.length !== names.length) {
    throw new DataError(
      `--window is given for ${windows.length} channels, and the images of ${task.directory} have ${channelsText(names)}; give it once for all, or for each`,
    );
  }
  return mapChannels(values, (each, channel) => {
    const given = windows[channel] ?? windows[0];
    return {
      name: names[channel] ?? "",
      values: each,
      window: given === undefined ? ownWindow(each, slice) : windowOf(given),
    };
  });
}

function windowOf([low = Number.NaN, high = Number.NaN]: readonly number[]): readonly [number, number] {
  if (!(low < high)) throw new DataError(`--window needs two rising numbers, got ${low} ${high}`);
  return [low, high];
}

/** The range of a slice's values. @throws DataError where they are all the same. */
function ownWindow(values: Float32Array, slice: string): readonly [number, number] {
  const [low, high] = automaticWindow(Float64Array.from(values).sort());
  if (low < high) return [low, high];
  throw new DataError(
    `${slice} holds the value ${low} alone, on which no change could be seen; name another by --case and --slice, or give --window LOW HIGH`,
  );
}

/** What is black and white in each channel. */
const windowsText = (channels: Channels<ShownChannel>): string =>
  channels
    .map(({ name, window: [low, high] }) => {
      const text = `${brief(low)} black and ${brief(high)} white`;
      return channels.length === 1 ? text : `${name} with ${text}`;
    })
    .join(", ");

/** The slice to show, in canonical orientation. */
async function sliceOf(task: DecathlonTask, args: Arguments) {
  const found = args.case === undefined ? task.cases[0] : task.cases.find(({ name }) => name === args.case);
  if (found === undefined) {
    throw new DataError(
      `${task.directory} has no case ${args.case ?? "with labels"}; its cases are ${task.cases.map(({ name }) => name).join(", ")}`,
    );
  }
  const { name, image, label } = found;
  const channels = mapChannels(
    await readChannels(nodeStorage, found, task.channels),
    (each): Volume => toCanonical(each),
  );
  const [volume] = channels;
  const truth = onGridOf(await readNifti(nodeStorage, label), volume, [label, `the image ${image}`]);
  const [width, height, depth] = volume.shape;
  const plane = width * height;
  const pixelsOf = (slice: number, wanted: number): number => {
    let count = 0;
    for (let i = (slice - 1) * plane; i < slice * plane; i++) count += truth.data[i] === wanted ? 1 : 0;
    return count;
  };
  const numbers = Array.from({ length: depth }, (_, i) => i + 1);
  const last = task.labels.findLastIndex(
    (_, wanted) => wanted > 0 && numbers.some((each) => pixelsOf(each, wanted) > 0),
  );
  const most = numbers.toSorted((a, b) => pixelsOf(b, last) - pixelsOf(a, last))[0] ?? 1;
  const slice = args.slice ?? (last > 0 ? most : Math.ceil(depth / 2));
  if (slice > depth) throw new DataError(`--slice must be a whole number from 1 to ${depth} for ${name}, got ${slice}`);
  const part = (data: ArrayLike<number>): number[] =>
    Array.from({ length: plane }, (_, i) => data[(slice - 1) * plane + i] ?? 0);
  return {
    name,
    slice,
    depth,
    width,
    height,
    values: mapChannels(channels, ({ data }) => Float32Array.from(part(data))),
    labels: Uint8Array.from(part(truth.data)),
    inputs: [...imagePaths(found).map((path) => ({ what: "image", path })), { what: "label map", path: label }],
  };
}
