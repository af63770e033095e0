import { dirname } from "node:path";
import { makeFolder } from "@lobule/data";
import { readModel, type SegmentResult, SlicePredictor, segmentVolume, writeFileAtomically } from "@lobule/train";
import { command, type Values } from "../command-line/command.js";
import { choice, flag, list, path, required, whole, withDefault } from "../command-line/option.js";
import { interruptible } from "../shared/interruption.js";
import { deviceOption, openDevice } from "../shared/open-device.js";
import { say, sayJson, warn } from "../shared/output.js";
import { progress } from "../shared/progress.js";
import { previewPicture } from "./preview.js";
import { segmentFiles } from "./segment-files.js";

const positionals = { scans: required(list(path(".nii or .nii.gz files, or folders of them", "input", "SCAN"))) };
const options = {
  model: required(path("run folder or checkpoint", "input", "RUN", { short: "m" })),
  out: required(path("output file, or folder for several", "file or folder", "PATH", { short: "o" })),
  mirror: flag("average over mirror images"),
  "largest-component": flag("keep the largest part of the organ"),
  preview: flag("also write a PNG of some slices"),
  "at-once": withDefault(whole("slices run at once", { least: 1 }), 4),
  precision: withDefault(choice(["f32", "f16"], "of stored activations"), "f32"),
  force: flag("replace files that are there"),
  json: flag("print volumes as JSON"),
  device: deviceOption,
};
type SegmentArguments = Values<typeof positionals & typeof options>;

export const segmentCommand = command({
  name: "segment",
  describe: "Label CT scans with a trained model",
  ...{ positionals, options, run: segment },
  examples: [
    ["segment scan.nii.gz -m runs/liver -o labels.nii.gz --preview", "one scan"],
    ["segment imagesTs -m runs/liver -o labels", "every scan of a folder"],
  ],
});

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
