import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const quiet = fileURLToPath(new URL("../dist/quiet-drivers.js", import.meta.url));

test.runIf(process.platform === "linux")(
  "what is written to file 2 during the work, and that alone, is not shown",
  () => {
    const code = `
    import { writeSync } from "node:fs";
    import { withQuietDrivers } from ${JSON.stringify(quiet)};
    writeSync(2, "before ");
    const result = await withQuietDrivers(async () => { writeSync(2, "driver "); return "result "; });
    await withQuietDrivers(async () => { writeSync(2, "driver "); throw new Error("wrong "); }).catch(({ message }) => writeSync(2, message));
    writeSync(2, result + "after");`;
    const { stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
    expect(stderr).toBe("before wrong result after");
  },
);
