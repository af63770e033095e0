import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { say, sayJson, sayText, warn } from "./output.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const allowed = "packages/lobule/src/shared/output.ts";

/** Calls that would bring text to the terminal without the functions of output.ts. */
const printsItself = (source: string): boolean =>
  /\bconsole\s*(\.|\[|\?\.)|\bstd(out|err)\s*(\.|\?\.)\s*(write|end|cork)\b|\bwriteSync\(\s*[12]\b|\bpipe\(\s*process\.std/.test(
    source,
  );

/** What `npm run build:studio` writes. */
const builtPage = join(root, "packages/lobule/studio");

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (path === builtPage) continue;
    if (entry.isDirectory() && !/^(dist|node_modules|fixtures|testing)$/.test(entry.name)) yield* sources(path);
    else if (/\.(ts|js)$/.test(entry.name) && !/\.test\.ts$|^testing\.ts$/.test(entry.name)) yield path;
  }
}

describe("everything that is printed goes through one module", () => {
  test.each([
    ["console.log(name)", true],
    ['console["log"](name)', true],
    ["process.stdout.write(name)", true],
    ["const { stderr } = process; stderr.write(name);", true],
    ["writeSync(2, name)", true],
    ["stream.pipe(process.stdout)", true],
    ["if (process.stderr.isTTY) warn(name);", false],
    ["say(name)", false],
    ["child.stdout.on('data', read)", false],
  ])("%s", (source, expected) => {
    expect(printsItself(source)).toBe(expected);
  });

  test("no other file of any package prints, but for examples in docstrings", () => {
    const files = ["packages", "bench/src"]
      .flatMap((folder) => [...sources(join(root, folder))])
      .map((path) => [relative(root, path), readFileSync(path, "utf8")] as const);
    expect(files.length).toBeGreaterThan(300);
    const code = (text: string): string => text.replaceAll(/\/\*\*[\s\S]*?\*\//g, "");
    expect(files.filter(([, text]) => printsItself(code(text))).map(([name]) => name)).toEqual([allowed]);
  });
});

describe("what is printed", () => {
  const printed: string[] = [];
  const keep = (text: string): void => void printed.push(text);
  vi.spyOn(console, "log").mockImplementation(keep);
  vi.spyOn(console, "error").mockImplementation(keep);
  afterEach(() => {
    printed.length = 0;
  });
  const name = "liver\x1b[2J\x9b31m\u202e\nepoch 1 \x07";
  const shown = "liver\\x1b[2J\\x9b31m\\u202e\\nepoch 1 \\x07";

  test("a line stays a line, whatever is in it", () => {
    say(name, "second");
    warn(`note: ${name}`);
    expect(printed).toEqual([`${shown}\nsecond`, `note: ${shown}`]);
  });

  test("text of several lines keeps them", () => {
    sayText("a\nb\x1b[2J");
    expect(printed).toEqual(["a\nb\\x1b[2J"]);
  });

  test("JSON holds the same value", () => {
    sayJson(JSON.stringify({ [name]: [name, "\u2028\x7f"] }, null, 2));
    expect(JSON.parse(printed.join(""))).toEqual({ [name]: [name, "\u2028\x7f"] });
    expect(printed.join("").replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
  });
});
