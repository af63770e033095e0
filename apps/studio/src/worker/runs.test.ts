import { MemoryStorage, writeFileAtomically } from "@lobule/data";
import { expect, test } from "vitest";
import { figuresOf } from "./runs.js";

test("figures that are damaged do not count as measured", async () => {
  const storage = new MemoryStorage();
  expect(await figuresOf(storage, "/runs/a")).toEqual({ measured: false, damage: undefined });
  await storage.makeFolder("/runs/a/evaluation");
  await writeFileAtomically(storage, "/runs/a/evaluation/validation.json", "{");
  const { measured, damage } = await figuresOf(storage, "/runs/a");
  expect(measured).toBe(false);
  expect(damage).toMatch(/^\/runs\/a\/evaluation\/validation\.json /);
});
