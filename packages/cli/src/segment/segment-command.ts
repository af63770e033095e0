import { dirname } from "node:path";
import { makeFolder } from "@lobule/data";
import { readModel, type SegmentResult, SlicePredictor, segmentVolume, writeFileAtomically } from "@lobule/train";
import type { CommandModule } from "yargs";
import { interruptible } from "../shared/interruption.js";
import { openDevice } from "../shared/open-device.js";
import { say, sayJson, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { previewPicture } from "./preview.js";
import { segmentFiles } from "./segment-files.js";

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

async function segment(args: SegmentArguments): Promise<void> {
  const { atOnce, mirror, precision } = args;
  const files = await segmentFiles(args.scans, args.out, args);
  const model = await readModel(args.model);
  for (const folder of new Set(files.map(({ output }) => dirname(output)))) await makeFolder(folder);
  const device = await openDevice();
  try {
    const predictor = new SlicePredictor(device, model, { atOnce, mirror, precision });
    await interruptible(words, async (signal) => {
      for (const [i, { scan, output, preview }] of files.entries()) {
        const bar = progress(`segmenting ${files.length > 1 ? `${i + 1}/${files.length}` : ""}`.trim());
        try {
          const result = await segmentVolume(predictor, scan, output, {
            signal,
            previews: preview === undefined ? 0 : 12,
            onProgress: (done, total) => bar.update(done, total, "slices"),
            ...(args.largestComponent ? { largestComponent: { asOne: true } } : {}),
          });
          bar.end();
          if (preview !== undefined) await writeFileAtomically(preview, previewPicture(result, model.description));
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
