import { describeAngles, visibleText } from "@lobule/data";
import { command } from "../command-line/command.js";
import { flag, list, path, required } from "../command-line/option.js";
import { sayJson, sayText } from "../shared/output.js";
import { brief, wrap } from "../shared/text.js";
import {
  describeFile,
  type IntensityDescription,
  type UnreadableFile,
  type VolumeDescription,
} from "./describe-file.js";

const field = (name: string, value: string): string => `  ${name.padEnd(12)} ${value}`;
const decimal = (value: number): string => value.toFixed(3).padStart(10);

/** @param labeled whether the counts of labels say more of where most voxels are. */
const intensityLines = (
  name: string,
  { minimum, maximum, mean, middle99: [low, high] }: IntensityDescription,
  labeled = false,
): string[] => [
  field(name, `${brief(minimum)} to ${brief(maximum)}, mean ${brief(mean)}`),
  ...(labeled ? [] : [field("", `99 % of the voxels from ${brief(low)} to ${brief(high)}`)]),
];

/** A few lines for a file, 80 columns wide but for its path. */
function descriptionText(description: VolumeDescription | UnreadableFile): string {
  if ("error" in description) return [visibleText(description.file), ...wrap(description.error, "  ")].join("\n");
  const { file, shape, spacing, orientation, affine, datatype, slope, intercept, intensity, channels, labels, notes } =
    description;
  const angles = describeAngles(affine);
  const all = shape[0] * shape[1] * shape[2];
  const scaling = slope === 1 && intercept === 0 ? "" : `, value = ${brief(slope)} · stored + ${brief(intercept)}`;
  return [
    visibleText(file),
    field("shape", shape.join(" × ")),
    field("spacing", `${spacing.map(brief).join(" × ")} mm`),
    field("orientation", orientation),
    ...(angles === "" ? [] : wrap(angles, field("", ""))),
    ...affine.map((row, i) => field(i === 0 ? "affine" : "", row.map(decimal).join(" "))),
    field("datatype", datatype + scaling),
    ...(intensity === undefined ? [] : intensityLines("intensity", intensity, labels !== undefined)),
    ...(channels === undefined ? [] : [field("channels", String(channels.length))]),
    ...(channels ?? []).flatMap((each, channel) => intensityLines(`channel ${channel}`, each)),
    ...(labels ?? []).map(({ value, voxels, millilitres }, i) =>
      field(
        i === 0 ? "labels" : "",
        `${String(value).padStart(6)} ${voxels.toLocaleString("en-US").padStart(14)} voxels ` +
          `${((100 * voxels) / all).toFixed(2).padStart(7)} % ${millilitres.toFixed(2).padStart(11)} ml`,
      ),
    ),
    ...notes.flatMap((note) => wrap(`note: ${note}`, "  ")),
  ].join("\n");
}

/** `lobule data info FILE…`: what a volume holds; exit code 1 if one of the files cannot be read. */
export const infoCommand = command({
  name: "data info",
  describe: "Show shape, spacing, orientation, affine, channels, intensities and labels",
  positionals: { files: required(list(path("NIfTI files", "input", "FILE"))) },
  options: { json: flag("print a JSON list, one object a file") },
  examples: [["data info imagesTr/*.nii.gz", "every volume of a folder"]],
  run: async ({ files, json }) => {
    const descriptions: (VolumeDescription | UnreadableFile)[] = [];
    for (const file of files) {
      const description = await describeFile(file);
      if (json) descriptions.push(description);
      else sayText(descriptionText(description));
      if ("error" in description) process.exitCode = 1;
    }
    if (json) sayJson(JSON.stringify(descriptions, null, 2));
  },
});
