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

  test("may stand in another folder of the archive", async () => {
    const storage = new MemoryStorage();
    const archive = zipSync({
      "first/config.json": strToU8("{}"),
      "first/a/b": strToU8("x"),
      "__MACOSX/c": strToU8("y"),
    });
    await unzipFolder(storage, archive, "/runs/a", "config.json");
    expect((await storage.list("/runs/a")).sort()).toEqual(["a", "config.json"]);
    expect(await readText(storage, "/runs/a/a/b", "record")).toBe("x");
  });

  test.each([
    ["bytes that are none", new Uint8Array(100), "this is no zip archive, or its end is missing; copy it again"],
    [
      "an archive of something else",
      zipSync({ x: strToU8("x") }),
      "the archive holds no config.json; zip the folder that does",
    ],
    [
      "an archive of several, such as the folds of a cross-validation",
      zipSync({ "xv/fold1/config.json": strToU8("{}"), "xv/fold0/config.json": strToU8("{}") }),
      "the archive holds config.json in several folders (xv/fold0, xv/fold1); zip one of them",
    ],
  ])("is told from %s", async (_, archive, message) => {
    await expect(unzipFolder(new MemoryStorage(), archive, "/runs/a", "config.json")).rejects.toThrow(message);
  });

  test("writes nothing outside its folder", async () => {
    const storage = new MemoryStorage();
    await expect(unzipFolder(storage, zipSync({ "../x": strToU8("x") }), "/runs/a")).rejects.toThrow(
      "the archive holds ../x, which leaves /runs/a",
    );
    expect(await storage.list("/")).toEqual([]);
  });
});
