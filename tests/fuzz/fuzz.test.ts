import { expect, test } from "vitest";
import { campaign } from "./campaign.js";

test("changed files are read or refused in one sentence: 200 of each reader", { timeout: 300_000 }, async () => {
  const read: string[] = [];
  const findings = await campaign({ inputs: 200, seed: 1, onReader: (name) => read.push(name) });
  expect(findings.map(({ problem, again }) => `${again}: ${problem}`)).toEqual([]);
  expect(read).toHaveLength(19);
});
