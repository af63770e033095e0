import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { adapterChoice } from "@lobule/node";

import { expect, test } from "vitest";

const torture = fileURLToPath(new URL("../../tools/torture.mjs", import.meta.url));

/** Runs the driver, which `npm run torture` runs for longer. */
function run(words: readonly string[]) {
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    const child = spawn(process.execPath, [torture, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.on("data", (bytes: Buffer) => {
      out += bytes.toString();
    });
    child.stderr.on("data", (bytes: Buffer) => {
      err += bytes.toString();
    });
    child.on("close", (code) => resolve({ code, out, err }));
  });
}

test("of processes that race for a lock one gets it, fresh or stale, and also where its holders are killed", async () => {
  const { code, out, err } = await run(["--kills", "0", "--races", "40", "--seed", "1"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("40 races of 3 processes for a stale lock: 0 failures");
});

// On SwiftShader, which compiles every pipeline in each process, it would take most of an hour.
const { kind } = await adapterChoice();

test.skipIf(kind === "swiftshader")(
  "a run that is killed, at each named moment, ends with the bytes of one that is not (not on SwiftShader)",
  async () => {
    const { code, out, err } = await run(["--races", "0", "--kills", "12", "--seed", "1"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^1\d kills of \d+ runs \(.*\): 0 failures$/m);
  },
);
