import { beforeEach, describe, expect, test } from "vitest";
import { writeFileAtomically } from "../files/atomic-file.js";
import { readText } from "../files/read-file.js";
import { storageChecks } from "./conformance.js";
import { MemoryStorage } from "./memory-storage.js";

describe("the storage in memory", () => {
  let storage: MemoryStorage;
  beforeEach(async () => {
    storage = new MemoryStorage();
    await storage.makeFolder("/check");
  });

  test.each(storageChecks)("$name", ({ run }) => run(storage, "/check"));

  test("counts relative paths from its root", async () => {
    await writeFileAtomically(storage, "check/file", "text");
    expect(await readText(storage, "/check/../check/./file", "record")).toBe("text");
  });

  test("names a path through a file as systems do", async () => {
    await writeFileAtomically(storage, "/file", "text");
    await expect(storage.stat("/file/below")).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(readText(storage, "/file/below", "record")).rejects.toThrow("/file/below is missing");
  });

  test("has no workers", () => {
    expect(() => storage.workers.start(1)).toThrow(RangeError);
  });
});
