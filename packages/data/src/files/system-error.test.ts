import { readdir } from "node:fs/promises";
import { expect, test } from "vitest";
import { messageOf } from "./system-error.js";

test("a refusal of the system is said in words, with its path; other errors say what they say", async () => {
  const failed = await Promise.all(
    [readdir("/dev/null"), readdir("/none/of that name")].map((each) => each.catch(messageOf)),
  );
  expect(failed).toEqual([
    "/dev/null: a part of the path is a file, not a folder",
    "/none/of that name: there is no such file or folder",
  ]);
  expect(messageOf(new Error("the batch is too large"))).toBe("the batch is too large");
  expect(messageOf("odd")).toBe("odd");
});
