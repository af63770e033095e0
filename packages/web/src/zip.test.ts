import { MemoryStorage, readText, writeFileAtomically } from "@lobule/data";
import { strToU8, zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { unzipFolder, zipFolder } from "./index.js";

describe("a zipped folder", () => {
  test("holds all files at any depth, and is written anew elsewhere", async () => {
    const [here, there] = [new MemoryStorage(), new MemoryStorage()];
    await here.makeFolder("/runs/a/checkpoints");
    await writeFileAtomically(here, "/runs/a/config.json", "{}");
    await writeFileAtomically(here, "/runs/a/checkpoints/last.safetensors", "weights");
    await unzipFolder(there, await zipFolder(here, "/runs/a"), "/copies/b");
    expect(await readText(there, "/copies/b/config.json", "record")).toBe("{}");
    expect(await readText(there, "/copies/b/checkpoints/last.safetensors", "record")).toBe("weights");
  });

  test("writes nothing outside its folder", async () => {
    const storage = new MemoryStorage();
    await expect(unzipFolder(storage, zipSync({ "../x": strToU8("x") }), "/runs/a")).rejects.toThrow(
      "the archive holds ../x, which leaves /runs/a",
    );
    expect(await storage.list("/")).toEqual([]);
  });
});
