/** Trains the reference's vessel model: node examples/dist/train-vessel.js DECATHLON_FOLDER RUN_FOLDER */
import { type Changes, main, trainPreset } from "./train-preset.js";

export const trainVessel = (data: string, out: string, changes: Changes = {}): Promise<string> =>
  trainPreset("vessel", data, out, changes);

if (import.meta.url === `file://${process.argv[1]}`) await main("vessel");
