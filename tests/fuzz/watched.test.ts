import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { type Input, type Message, watched } from "./watched.js";

/** Reads ten inputs each for two readers; those named never end. */
const script = `
  const { parentPort, workerData: { from, endless } } = require("node:worker_threads");
  for (const reader of ["a", "b"].slice(from === undefined ? 0 : "ab".indexOf(from.reader))) {
    for (let number = from?.reader === reader ? from.number : 0; number < 10; number++) {
      parentPort.postMessage({ kind: "input", input: { reader, number } });
      while (endless.includes(reader + number));
    }
    parentPort.postMessage({ kind: "reader", name: reader, inputs: 10, read: 10 });
  }
`;

async function outcome(endless: readonly string[]): Promise<readonly string[]> {
  const said: string[] = [];
  await watched({
    start: (_folder: string, from: Input | undefined) =>
      new Worker(script, { eval: true, workerData: { from, endless } }),
    limit: 0.3,
    again: ({ reader, number }) => `${reader} ${number}`,
    onMessage: (message: Message) => {
      if (message.kind === "finding") said.push(`${message.finding.again}: ${message.finding.problem}`);
      if (message.kind === "reader") said.push(`${message.name} done`);
    },
  });
  return said;
}

test("an input without an end is reported, and the next ones are read", async () => {
  expect(await outcome([])).toEqual(["a done", "b done"]);
  expect(await outcome(["a3", "b9"])).toEqual([
    "a 3: had not ended after 0.3 s",
    "a done",
    "b 9: had not ended after 0.3 s",
    "b done",
  ]);
});

test("a reader of which three inputs have no end is left", async () => {
  expect(await outcome(["a0", "a1", "a2", "a3"])).toEqual([
    ...[0, 1, 2].map((number) => `a ${number}: had not ended after 0.3 s`),
    "a done",
    "b done",
  ]);
});
