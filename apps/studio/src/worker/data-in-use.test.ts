import { MemoryStorage, writePhantom } from "@lobule/data";
import { expect, test } from "vitest";
import { requireData } from "./data-in-use.js";

test("data that are not in the browser are told of, with what to do", async () => {
  const storage = new MemoryStorage();
  await writePhantom(storage, "/data/p", { cases: 2, testCases: 0, size: 8, slices: [1, 1], seed: 1 });
  await expect(requireData(storage, "/data/p")).resolves.toBeUndefined();
  await expect(requireData(storage, "/home/me/Task03_Liver")).rejects.toThrow(
    "the data of this run, Task03_Liver, are not in this browser; take their folder in on Train, then try again",
  );
});
