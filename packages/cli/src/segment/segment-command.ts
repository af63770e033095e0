import { mkdir, readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { DataError } from "@lobule/data";
import { readModel, type SegmentResult, SlicePredictor, segmentVolume, writeFileAtomically } from "@lobule/train";
import type { CommandModule } from "yargs";
import { interruptible } from "../shared/interruption.js";
import { openDevice } from "../shared/open-device.js";
import { say, sayJson, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { previewPicture } from "./preview.js";

interface SegmentArguments {
  readonly scans: readonly string[];
  readonly model: string;
  readonly out: string;
  readonly mirror: boolean;
  readonly largestComponent: boolean;
  readonly preview: boolean;
  readonly force: boolean;
  readonly json: boolean;
  readonly atOnce: number;
  readonly precision: "f32" | "f16";
}

export const segmentCommand: CommandModule<object, SegmentArguments> = {
  command: "segment <scans..>",
  describe: "Label CT scans with a trained model",
  builder: (parser) =>
    parser
      .positional("scans", { type: "string", array: true, demandOption: true, describe: ".nii or .nii.gz, or folders" })
      .option("model", { alias: "m", type: "string", demandOption: true, describe: "run folder or checkpoint" })
      .option("out", { alias: "o", type: "string", demandOption: true, describe: "output file, or folder for several" })
      .option("mirror", { type: "boolean", default: false, describe: "average over mirror images" })
      .option("largest-component", { type: "boolean", default: false, describe: "keep the largest part of the organ" })
      .option("preview", { type: "boolean", default: false, describe: "also write a PNG of some slices" })
      .option("at-once", { type: "number", default: 4, describe: "slices run at once" })
      .option("precision", { choices: ["f32", "f16"] as const, default: "f32", describe: "of stored activations" })
      .option("force", { type: "boolean", default: false, describe: "replace files that are there" })
      .option("json", { type: "boolean", default: false, describe: "print volumes as JSON" })
      .example("$0 segment scan.nii.gz -m runs/liver -o labels.nii.gz --preview", "one scan")
      .example("$0 segment imagesTs -m runs/liver -o labels", "every scan of a folder") as never,
  handler: segment,
};

const words = {
  stopping: "stopping",
  stopped: "interrupted; scans that were done have their labels, the others have none",
};

const isScan = (name: string): boolean => /\.nii(\.gz)?$/i.test(name) && !basename(name).startsWith("._");

/** The scans that were named, folders replaced by what is in them. */
async function scansOf(named: readonly string[]): Promise<string[]> {
  const lists = await Promise.all(
    named.map(async (path) => {
      const found = await stat(path).catch(() => {
        throw new DataError(`${path}: there is no such file or folder; give .nii or .nii.gz files or a folder of them`);
      });
      if (!found.isDirectory()) return [path];
      const inside = (await readdir(path)).filter(isScan).sort();
      if (inside.length === 0) throw new DataError(`${path}: the folder holds no .nii or .nii.gz files`);
      return inside.map((name) => join(path, name));
    }),
  );
  return lists.flat();
}

/** Where the labels of each scan go: the file itself for one scan and a name that ends in .nii(.gz), else a folder. */
function outputsOf(scans: readonly string[], out: string): string[] {
  if (isScan(out)) {
    if (scans.length > 1) {
      throw new DataError(`${out} is one file, but there are ${scans.length} scans; name a folder with -o`);
    }
    return [out];
  }
  const outputs = scans.map((scan) => join(out, `${basename(scan).replace(/\.nii(\.gz)?$/i, "")}.nii.gz`));
  const twice = outputs.find((name, i) => outputs.indexOf(name) !== i);
  if (twice !== undefined) throw new DataError(`two of the scans would be written to ${twice}; segment them apart`);
  return outputs;
}

async function segment(args: SegmentArguments): Promise<void> {
  const { atOnce, mirror, precision } = args;
  const scans = await scansOf(args.scans);
  const outputs = outputsOf(scans, args.out);
  for (const [i, output] of outputs.entries()) {
    if (output === scans[i]) throw new DataError(`${output} is the scan itself; name another output with -o`);
    const there = await stat(output).then(
      () => true,
      () => false,
    );
    if (there && !args.force) throw new DataError(`${output} is there already; remove it or add --force`);
    await mkdir(dirname(output), { recursive: true });
  }
  const model = await readModel(args.model);
  const device = await openDevice();
  try {
    const predictor = new SlicePredictor(device, model, { atOnce, mirror, precision });
    await interruptible(words, async (signal) => {
      for (const [i, scan] of scans.entries()) {
        const output = outputs[i] ?? "";
        const bar = progress(`segmenting ${scans.length > 1 ? `${i + 1}/${scans.length}` : ""}`.trim());
        try {
          const result = await segmentVolume(predictor, scan, output, {
            signal,
            previews: args.preview ? 12 : 0,
            onProgress: (done, total) => bar.update(done, total, "slices"),
            ...(args.largestComponent ? { largestComponent: { asOne: true } } : {}),
          });
          bar.end();
          if (args.preview) {
            const name = `${output.slice(0, -extname(output.replace(/\.gz$/i, "")).length - (/\.gz$/i.test(output) ? 3 : 0))}.png`;
            await writeFileAtomically(name, previewPicture(result, model.description));
          }
          report(scan, output, result, model.description.classes, args.json);
        } finally {
          bar.end();
        }
      }
    });
  } finally {
    device.destroy();
  }
}

function report(
  scan: string,
  output: string,
  { millilitres, voxels, notes }: SegmentResult,
  classes: readonly string[],
  json: boolean,
): void {
  const volumes = classes.slice(1).map((name, i) => ({
    name,
    millilitres: millilitres[i + 1] ?? 0,
    voxels: voxels[i + 1] ?? 0,
  }));
  for (const note of notes) warn(`note: ${scan}: ${note}`);
  if (json) sayJson(JSON.stringify({ scan, output, volumes, notes }));
  else say(`${output}: ${volumes.map(({ name, millilitres: ml }) => `${name} ${ml.toFixed(1)} ml`).join(", ")}`);
}
