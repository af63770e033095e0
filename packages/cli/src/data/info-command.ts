import type { CommandModule } from "yargs";
import { describeFile, type FileDescription } from "./describe-file.js";
import { brief, wrap } from "./text.js";

const field = (name: string, value: string): string => `  ${name.padEnd(12)} ${value}`;
const decimal = (value: number): string => value.toFixed(3).padStart(10);

/** A few lines for a file, 80 columns wide but for its path. */
export function descriptionText(description: FileDescription): string {
  const { file, error, shape, spacing, orientation, affine, datatype, intensity, labels } = description;
  if (error !== undefined) return [file, ...wrap(error, "  ")].join("\n");
  const all = shape?.reduce((product, length) => product * length, 1) ?? 0;
  return [
    file,
    field("shape", `${shape?.join(" × ")}`),
    field("spacing", `${spacing?.map(brief).join(" × ")} mm`),
    field("orientation", `${orientation}`),
    ...(affine?.map((row, i) => field(i === 0 ? "affine" : "", row.map(decimal).join(" "))) ?? []),
    field("datatype", `${datatype}`),
    ...(intensity === undefined
      ? []
      : [
          field(
            "intensity",
            `${brief(intensity.minimum)} to ${brief(intensity.maximum)}, mean ${brief(intensity.mean)}`,
          ),
        ]),
    ...(labels?.map(({ value, voxels, millilitres }, i) =>
      field(
        i === 0 ? "labels" : "",
        `${String(value).padStart(6)} ${voxels.toLocaleString("en-US").padStart(14)} voxels ` +
          `${((100 * voxels) / all).toFixed(2).padStart(7)} % ${millilitres.toFixed(1).padStart(10)} ml`,
      ),
    ) ?? []),
  ].join("\n");
}

/** `lobule data info FILE…`: what a volume holds; exit code 1 if one of the files cannot be read. */
export const infoCommand: CommandModule<object, { files: string[]; json: boolean }> = {
  command: "info <files..>",
  describe: "Show shape, spacing, orientation, affine, intensities and labels",
  builder: (yargs) =>
    yargs
      .positional("files", { type: "string", array: true, demandOption: true, describe: "NIfTI files" })
      .option("json", { type: "boolean", default: false, describe: "Print a JSON list, one object a file" })
      .example("$0 data info imagesTr/*.nii.gz", "Every volume of a folder"),
  handler: async ({ files, json }) => {
    const descriptions: FileDescription[] = [];
    for (const file of files) {
      const description = await describeFile(file);
      if (json) descriptions.push(description);
      else console.log(descriptionText(description));
      if (description.error !== undefined) process.exitCode = 1;
    }
    if (json) console.log(JSON.stringify(descriptions, null, 2));
  },
};
