import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runScript } from "../../packages/lobule/src/testing/run-command.js";

const fuzz = fileURLToPath(new URL("../../tools/fuzz.mjs", import.meta.url));

test("changed files are read or refused in one sentence, none without an end: 200 of each reader", async () => {
  const { code, out, err } = await runScript(fuzz, ["--inputs", "200", "--seed", "1"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out.match(/ 200 inputs, /g)).toHaveLength(32);
  expect(out).toContain("no findings");
});
