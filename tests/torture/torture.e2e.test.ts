import { fileURLToPath } from "node:url";
import { adapterChoice } from "@lobule/node";
import { expect, test } from "vitest";
import { runScript, slowHere } from "../../packages/lobule/src/testing/run-command.js";

const torture = fileURLToPath(new URL("../../tools/torture.mjs", import.meta.url));

/** Runs the driver, which `npm run torture` runs for longer. */
const run = (words: readonly string[]) => runScript(torture, words);

test("of processes that race for a lock one gets it, fresh or stale, and also where its holders are killed", async () => {
  const { code, out, err } = await run(["--kills", "0", "--races", "40", "--seed", "1"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("40 races of 3 processes for a stale lock: 0 failures");
});

test("a run that is killed, at each named moment, ends with the bytes of one that is not", async (context) => {
  context.skip((await adapterChoice()).kind === "swiftshader", slowHere);
  const { code, out, err } = await run(["--races", "0", "--kills", "12", "--seed", "1"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/^1\d kills of \d+ runs \(.*\): 0 failures$/m);
});
