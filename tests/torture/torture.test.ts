import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
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
  const { code, out, err } = await run(["--races", "40", "--seed", "1"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("40 races of 3 processes for a stale lock: 0 failures");
});
