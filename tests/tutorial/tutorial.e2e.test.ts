import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { adapterChoice } from "@lobule/node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { slowHere } from "../../packages/lobule/src/testing/run-command.js";

const lobule = fileURLToPath(new URL("../../packages/lobule/bin/lobule.js", import.meta.url));
const text = readFileSync(new URL("../../docs/tutorial.md", import.meta.url), "utf8");

/** Fenced blocks: files with a name behind the language, commands in `sh`. */
const blocks = [...text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(([, language, name, body = ""]) => ({
  language,
  name,
  body,
}));
const commands = blocks.filter(({ language }) => language === "sh").flatMap(({ body }) => body.trim().split("\n"));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lobule-tutorial-"));
  for (const { name, body } of blocks) if (name !== undefined) writeFileSync(join(folder, name), body);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the tutorial has files and commands", () => {
  expect(blocks.filter(({ name }) => name !== undefined).map(({ name }) => name)).toEqual([
    "two-ways.ts",
    "compare.json",
  ]);
  expect(commands.length).toBeGreaterThan(5);
});

const { kind } = await adapterChoice();

describe("its commands, in order", () => {
  beforeEach((context) => context.skip(kind === "swiftshader", slowHere));

  test.each(commands)("%s", (command) => {
    const [npx, program, ...words] = command.split(" ");
    expect([npx, program]).toEqual(["npx", "lobule"]);
    const { status, stdout, stderr } = spawnSync(process.execPath, [lobule, ...words], {
      cwd: folder,
      encoding: "utf8",
    });
    expect(status, stderr).toBe(0);
    expect(stdout).not.toBe("");
  });

  test("the answer names the three variants", () => {
    const { runs } = JSON.parse(readFileSync(join(folder, "answer", "comparison.json"), "utf8"));
    expect(runs.map(({ name }: { name: string }) => name)).toEqual(["unet", "gated", "mine"]);
    expect(
      readFileSync(join(folder, "inside", "gates.png"))
        .subarray(1, 4)
        .toString(),
    ).toBe("PNG");
  });
});
