import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Part, PartResult } from "./part.js";
import { runParts } from "./run-parts.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-parts-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A part that runs a script of Node's, and reads a number from what it prints. */
const part = (name: string, script: string, more: Partial<Part> = {}): Part => ({
  name,
  title: `The part ${name}`,
  command: { name: "node", file: process.execPath, words: ["-e", script] },
  cwd: folder,
  limit: 20,
  read: (text) => {
    const value = JSON.parse(text) as number;
    return { figures: [{ subject: "it", quantity: "number", value, unit: "" }], notes: [] };
  },
  ...more,
});

interface Given {
  readonly seconds?: number;
  readonly signal?: AbortSignal;
  readonly onBegun?: (part: Part) => void;
}

/** Runs parts; gives their results and what stands in both files then. */
async function run(groups: readonly (readonly Part[])[], given: Given = {}) {
  const files = { json: join(folder, "results.json"), table: join(folder, "results.md") };
  /** What stood in the file when the result of each part was told. */
  const before: string[] = [];
  const results = await runParts({
    groups,
    seconds: given.seconds ?? 60,
    files,
    heading: () => "A run",
    signal: given.signal ?? new AbortController().signal,
    now: () => performance.now(),
    onBegun: given.onBegun ?? (() => undefined),
    onResult: ({ name }) => before.push(name),
  });
  const saved = JSON.parse(await readFile(files.json, "utf8")) as { parts: PartResult[] };
  return { results, saved, table: await readFile(files.table, "utf8") };
}

test("a part that fails, prints something else or cannot be run is told as such, and the next one is run", async () => {
  const { results, saved, table } = await run([
    [part("fails", "console.error('no memory'); process.exit(3)")],
    [part("prints", "console.log('garbage {')")],
    [part("is missing", "", { command: { name: "none", file: "/no/such/program", words: [] } })],
    [part("is well", "console.log(7)")],
  ]);
  expect(results.map(({ status }) => status)).toEqual(["failed", "failed", "failed", "done"]);
  expect(results[0]).toMatchObject({ why: "it ended with exit code 3", lastLines: ["no memory"] });
  expect(results[1]?.why).toMatch(/^its result cannot be read: /);
  expect(results[1]?.lastLines).toEqual(["garbage {"]);
  expect(results[2]?.why).toBe("it cannot be run: /no/such/program: there is no such file or folder");
  expect(results[3]?.figures).toEqual([{ subject: "it", quantity: "number", value: 7, unit: "" }]);
  expect(saved.parts.map(({ name }) => name)).toEqual(["fails", "prints", "is missing", "is well"]);
  expect(table).toContain("failed: it ended with exit code 3");
  expect(table).toMatch(/### The part is well\n\n`node -e [^`]*`\n\n\|.*\| number \|\n\| -+ \| -+ \|\n\| it +\| 7 +\|/);
});

test("a part is not begun where what it needs was not done, nor those that need it", async () => {
  const begun: string[] = [];
  const { results } = await run(
    [
      [part("fails", "process.exit(1)")],
      [part("needs it", "console.log(1)", { needs: "fails" })],
      [part("needs that", "console.log(1)", { needs: "needs it" })],
      [part("is well", "console.log(7)", { needs: "not chosen" })],
      [part("needs what is well", "console.log(8)", { needs: "is well" })],
    ],
    { onBegun: ({ name }) => begun.push(name) },
  );
  expect(begun).toEqual(["fails", "is well", "needs what is well"]);
  expect(results.slice(1, 3).map(({ status, why }) => `${status}: ${why}`)).toEqual([
    "not begun: it needs what 'fails' makes, which was not done",
    "not begun: it needs what 'needs it' makes, which was not done",
  ]);
});

test("a part that hangs is ended at its limit, with all that it has started", async () => {
  // What it starts holds its output open, and ignores the wish to end.
  const child = "process.on('SIGTERM', () => 0); console.log(process.pid); setInterval(() => 0, 1000)";
  const hangs = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}], { stdio: "inherit" });
    setInterval(() => 0, 1000)`;
  const started = performance.now();
  const { results } = await run([[part("hangs", hangs, { limit: 1 })], [part("is next", "console.log(1)")]]);
  expect(performance.now() - started).toBeLessThan(15_000);
  expect(results.map(({ status, why }) => [status, why])).toEqual([
    ["timed out", "it took longer than 1 s"],
    ["done", undefined],
  ]);
  const [pid = ""] = results[0]?.lastLines ?? [];
  expect(pid).toMatch(/^\d+$/);
  // Gone, or a zombie that nobody has waited for.
  const state = (): string => spawnSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" }).stdout.trim();
  await expect.poll(state).toMatch(/^(Z.*)?$/);
});

test("a process that leaves another with its output behind is over when it has ended itself", async () => {
  const leaves = `require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"], { stdio: "inherit" }).unref();
    console.log(5); process.exit(0)`;
  const { results } = await run([[part("leaves", leaves)]]);
  expect(results[0]).toMatchObject({ status: "done", figures: [{ value: 5 }] });
  expect(results[0]?.measured?.seconds).toBeLessThan(10);
});

test("the parts of a group run at the same time", async () => {
  const file = join(folder, "met");
  const waits = `const { existsSync } = require("node:fs");
    const timer = setInterval(() => { if (existsSync(${JSON.stringify(file)})) { console.log(1); clearInterval(timer); } }, 20)`;
  const meets = `require("node:fs").writeFileSync(${JSON.stringify(file)}, ""); console.log(2)`;
  const { results } = await run([[part("waits", waits), part("meets", meets)]]);
  expect(results.every(({ status }) => status === "done")).toBe(true);
});

test("no part is begun when the time of all is used up, and those that were are in the files", async () => {
  const { results, saved } = await run(
    [[part("takes its time", "setTimeout(() => console.log(1), 1500)")], [part("late", "")]],
    {
      seconds: 3.4,
    },
  );
  expect(results.map(({ status, why }) => [status, why])).toEqual([
    ["done", undefined],
    ["not begun", "the 3.4 s of the run were used up"],
  ]);
  expect(saved.parts).toHaveLength(2);
});

test("an interruption ends what runs and begins nothing more", async () => {
  const controller = new AbortController();
  const { results } = await run([[part("runs", "setInterval(() => 0, 1000)")], [part("next", "console.log(1)")]], {
    signal: controller.signal,
    onBegun: () => setTimeout(() => controller.abort(), 200),
  });
  expect(results.map(({ status }) => status)).toEqual(["interrupted", "not begun"]);
});

test("a part is measured from outside: memory of its process, and bytes of its folder", async () => {
  await writeFile(join(folder, "some"), "12345");
  const script = "const held = Buffer.alloc(150e6, 1); setTimeout(() => console.log(held.length), 300)";
  const { results } = await run([[part("takes memory", script, { folder: "." })]]);
  const { measured } = results[0] ?? {};
  if (process.platform === "linux") expect(measured?.residentBytes).toBeGreaterThan(150e6);
  // What was saved at the beginning is in it too.
  expect(measured?.folderBytes).toBeGreaterThan(5);
  expect(measured?.card).toBeNull();
});

test("memory of the card is what was used most while a part ran, beside what was used before", async () => {
  // A card whose first look finds 100 MiB, the next ones 300, and so on until it is told to stop.
  const card = join(folder, "nvidia-smi");
  await writeFile(card, "#!/bin/sh\necho 100\nwhile sleep 0.05; do echo 300; done\n", { mode: 0o755 });
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
  try {
    const { results } = await run([[part("computes", "setTimeout(() => console.log(1), 500)", { watchesCard: true })]]);
    expect(results[0]?.measured?.card).toEqual({ beforeBytes: 100 * 2 ** 20, mostBytes: 300 * 2 ** 20 });
  } finally {
    vi.unstubAllEnvs();
  }
});
