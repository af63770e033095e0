import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { EpochRecord } from "./epoch-record.js";

/** A folder for one test, removed after it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lobule-run-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A plausible record of an epoch of a network with three classes. */
export function exampleRecord(epoch: number, changes: Partial<EpochRecord> = {}): EpochRecord {
  const loss = 0.2 + 1.4 * Math.exp(-epoch / 3);
  const dice = [0.99, 0.95 - 0.4 * Math.exp(-epoch / 3), 0.7 - 0.6 * Math.exp(-epoch / 4)];
  return {
    epoch,
    step: 40 * (epoch + 1),
    learningRate: 1e-3,
    training: { loss, crossEntropy: loss / 3, diceLoss: (2 * loss) / 3, dice },
    validation: {
      loss: loss + 0.05,
      crossEntropy: loss / 3,
      diceLoss: (2 * loss) / 3 + 0.05,
      dice: { sliceMean: dice, foregroundSliceMean: dice, pooled: dice, perCase: dice },
    },
    seconds: 15.25,
    slicesPerSecond: 84.5,
    waitedShare: 0.004,
    best: true,
    ...changes,
  };
}
