import { parseArgs } from "node:util";
import { campaign } from "./campaign.js";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    reader: { type: "string" },
    only: { type: "string" },
    failures: { type: "string", default: "fuzz-failures" },
  },
});
const whole = (name: string, text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} needs a whole number, got '${text}'`);
  return Number(text);
};

const findings = await campaign({
  ...{ inputs: whole("inputs", values.inputs), seed: whole("seed", values.seed), failures: values.failures },
  ...(values.reader === undefined ? {} : { reader: values.reader }),
  ...(values.only === undefined ? {} : { only: whole("only", values.only) }),
  onReader: (name, inputs, read) =>
    console.log(`${name.padEnd(20)} ${inputs} inputs, ${read} read, the others refused`),
});
for (const { reader, problem, again } of findings) console.error(`${reader} ${problem}\n  ${again}\n`);
console.log(
  findings.length === 0 ? "no findings" : `${findings.length} findings; the inputs are in ${values.failures}`,
);
process.exitCode = findings.length === 0 ? 0 : 1;
