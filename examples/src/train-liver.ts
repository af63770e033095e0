/** Trains the reference's liver model: node examples/dist/train-liver.js DECATHLON_FOLDER RUN_FOLDER */
import { type Changes, main, trainPreset } from "./train-preset.js";

export const trainLiver = (data: string, out: string, changes: Changes = {}): Promise<string> =>
  trainPreset("liver", data, out, changes);

if (import.meta.url === `file://${process.argv[1]}`) await main("liver");
