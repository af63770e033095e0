import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { againCommand, campaign, type Finding } from "./campaign.js";
import { type Input, type Message, watched } from "./watched.js";

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

/** Seconds that an input may take; those of a reader that is slow, but ends, are fewer. */
const limit = 30;
const seed = whole("seed", values.seed);

/** The campaign itself, in a thread: a reader in an endless loop would keep any other watch from its work. */
async function read({ folder, from }: { readonly folder: string; readonly from?: Input }): Promise<void> {
  const send = (message: Message): void => parentPort?.postMessage(message);
  await campaign({
    inputs: whole("inputs", values.inputs),
    seed,
    failures: values.failures,
    folder,
    ...(from === undefined ? {} : { from }),
    ...(values.reader === undefined ? {} : { reader: values.reader }),
    ...(values.only === undefined ? {} : { only: whole("only", values.only) }),
    onInput: (input) => send({ kind: "input", input }),
    onFinding: (finding) => send({ kind: "finding", finding }),
    onReader: (name, inputs, found) => send({ kind: "reader", name, inputs, read: found }),
  });
}

async function watch(): Promise<void> {
  const findings: Finding[] = [];
  await watched({
    limit,
    again: (input) => againCommand(seed, input),
    start: (folder, from) =>
      new Worker(fileURLToPath(import.meta.url), { argv: process.argv.slice(2), workerData: { folder, from } }),
    onMessage: (message) => {
      if (message.kind === "finding") findings.push(message.finding);
      if (message.kind === "reader")
        console.log(`${message.name.padEnd(20)} ${message.inputs} inputs, ${message.read} read, the others refused`);
    },
  });
  for (const { reader, problem, again } of findings) console.error(`${reader} ${problem}\n  ${again}\n`);
  console.log(
    findings.length === 0 ? "no findings" : `${findings.length} findings; the inputs are in ${values.failures}`,
  );
  process.exitCode = findings.length === 0 ? 0 : 1;
}

await (isMainThread ? watch() : read(workerData));
