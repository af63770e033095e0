import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { main } from "../index.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cli-augmentations-"));
  await writePhantom(nodeStorage, join(root, "task"), {
    seed: 0,
    cases: 2,
    testCases: 0,
    size: 16,
    slices: [4, 6],
  });
});
afterAll(() => rm(root, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** What the command says on either stream. */
async function shown(...words: string[]): Promise<string> {
  const said: string[] = [];
  for (const stream of ["log", "error"] as const)
    vi.spyOn(console, stream).mockImplementation((text: string) => void said.push(text));
  const before = process.exitCode;
  await main(["data", "augmentations", join(root, "task"), "-o", join(root, "page.html"), "--size", "16", ...words]);
  process.exitCode = before;
  return said.join("\n");
}

test("a page has what the settings of a file ask for, and the same bytes twice", async () => {
  const file = join(root, "settings.yaml");
  await writeFile(file, "augmentation: { kind: nnunet, leftRight: 0, gammaProbability: 0.55 }\n");
  const said = await shown("--config", file, "--case", "phantom_002");
  expect(said).toMatch(/page\.html: the augmentation nnunet on slice \d of phantom_002$/);
  const page = await readFile(join(root, "page.html"), "utf8");
  expect(page).toContain("Done to 55 % of the slices.");
  expect(page).not.toContain("Left-right");
  expect(page).toContain("Front-back");
  expect(await shown("--config", file)).toMatch(/page\.html is there already; remove it or add --force$/);
  await shown("--config", file, "--case", "phantom_002", "--force");
  expect(await readFile(join(root, "page.html"), "utf8")).toBe(page);
});

test.each([
  [["--case", "other"], /has no case other; its cases are phantom_001, phantom_002$/],
  [["--slice", "99"], /--slice must be a whole number from 1 to \d for phantom_001, got 99$/],
  [["--window", "9", "3"], /--window needs two rising numbers, got 9 3$/],
])("%j is refused", async (words, message) => {
  expect(await shown(...words, "--force")).toMatch(message);
});
