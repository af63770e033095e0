import { basename, join } from "node:path";
import { nodeStorage, openGpu } from "@lobule/node";
import { keepReport, reportRun } from "@lobule/report";
import { Device } from "@lobule/tensor";
import { type PresetName, resolveConfig, startRun } from "@lobule/train";

/** What the examples change of a preset, so that they can be tried on small data. */
export type Changes = Readonly<Record<string, unknown>>;

/**
 * Trains a preset's model on a Decathlon folder, with everything as in the reference but for `changes`, and writes its
 * report. The same as `lobule train liver --data DATA --out OUT`.
 */
export async function trainPreset(
  preset: PresetName,
  data: string,
  out: string,
  changes: Changes = {},
): Promise<string> {
  const config = resolveConfig(preset, { data }, changes);
  const device = await Device.open(await openGpu());
  const run = await startRun(
    config,
    out,
    { adapter: device.adapterInfo.description },
    {
      storage: nodeStorage,
      device,
      cacheDirectoryOf: () => join(out, "slices"),
      now: () => performance.now(),
      keeper: keepReport({ wallClock: () => Date.now() / 1000, host: "example" }),
      observer: {
        epoch: ({ epoch, training, validation }) =>
          console.log(`epoch ${epoch + 1}: loss ${training.loss.toFixed(4)}, validation ${validation.loss.toFixed(4)}`),
      },
    },
  );
  try {
    for (const note of run.data.notes) console.log(note);
    const state = await run.run();
    const held = new Set(run.data.split.validation);
    const cases = run.data.task.cases.filter(({ name }) => held.has(name));
    const { path } = await reportRun(nodeStorage, device, run.folder, basename(out), cases, {
      progress: { epochs: run.trainer.epochs, state, written: Date.now() / 1000 },
    });
    return path;
  } finally {
    await run.close();
    device.destroy();
  }
}

/** Runs an example from the command line: `node examples/dist/train-liver.js DATA OUT`. */
export async function main(preset: PresetName): Promise<void> {
  const [, script = "", data, out] = process.argv;
  if (data === undefined || out === undefined) {
    console.error(`usage: node ${script} DECATHLON_FOLDER RUN_FOLDER`);
    process.exitCode = 1;
    return;
  }
  console.log(`report: ${await trainPreset(preset, data, out)}`);
}
