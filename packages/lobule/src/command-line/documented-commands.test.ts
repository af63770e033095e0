import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { commands } from "../commands.js";
import { parseCommandLine } from "./parse.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));

/** A documented command without the comment behind it, each … and what is optional left out. */
function wordsOf(line: string): string[] {
  const [command = ""] = line.split(/ {3,}(?=[a-z])| #/);
  return (command.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replace(/^'(.*)'$/, "$1"));
}

/** The words that the program gets from a line of a document, where it is one of its commands. */
function ownWords(line: string): string[] | undefined {
  const [first, second, third, ...rest] = wordsOf(line.replace(/^\$ /, "").replace(/^source <\((.*)\)$/, "$1"));
  if (first === "npx" && second === "lobule") return third === undefined ? [] : [third, ...rest];
  if (first === "./lobule") return [second, third, ...rest].filter((word) => word !== undefined);
  if (first !== "npm" || second !== "run" || (third !== "bench" && third !== "parity")) return undefined;
  return [third, ...rest.filter((word) => word !== "--")];
}

const documents = ["README.md", "CONTRIBUTING.md", ...readdirSync(join(root, "docs")).map((name) => join("docs", name))]
  .filter((name) => name.endsWith(".md"))
  .map((name) => ({ name, text: readFileSync(join(root, name), "utf8") }));

/** Lines of code blocks, and code within the text. */
function* codeOf(text: string): Generator<string> {
  let fenced = false;
  for (const [i, line] of text.split("\n").entries()) {
    if (/^\s*```/.test(line)) fenced = !fenced;
    else if (fenced || /^ {4}\S/.test(line)) yield `${i + 1}: ${line.trim()}`;
  }
  for (const [, code = ""] of text.replaceAll(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)) yield `text: ${code}`;
}

describe.each(documents)("$name", ({ text }) => {
  const lines = [...codeOf(text)].map((each) => [each, each.replace(/^(\d+|text): /, "")] as const);

  test("its commands can be run as they stand: the program takes their words", () => {
    for (const [where, line] of lines) {
      const words = ownWords(line);
      const mentioned = where.startsWith("text: ") && words?.length === 1;
      if (words === undefined || words.length === 0 || mentioned || words.includes("…")) continue;
      expect(() => parseCommandLine(words, commands), where).not.toThrow();
    }
  });

  test("no command begins with a bare 'lobule', which is on nobody's search path", () => {
    const names = [...new Set(commands.map(({ name }) => name.split(" ")[0]))].join("|");
    for (const [where, line] of lines) expect(where).toSatisfy(() => !new RegExp(`^lobule (${names})\\b`).test(line));
  });
});

test("there are documented commands of every verb that users have", () => {
  const seen = documents
    .flatMap(({ text }) => [...codeOf(text)])
    .map((line) => ownWords(line.replace(/^(\d+|text): /, "")));
  for (const { name, describe: shown } of commands) {
    if (shown === undefined) continue;
    expect(
      seen.some((words) => words?.join(" ").startsWith(name)),
      name,
    ).toBe(true);
  }
});

describe("commands in messages are made by commandText, or marked like it", () => {
  function* sources(folder: string): Generator<string> {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !/^(dist|node_modules|fixtures|testing)$/.test(entry.name)) yield* sources(path);
      else if (entry.name.endsWith(".ts") && !/\.test\.ts$|^testing\.ts$/.test(entry.name)) yield path;
    }
  }
  const verbs = [...new Set(commands.map(({ name }) => name.split(" ")[0]))].join("|");
  /** Commands in the strings of a source, its comments left out, that bear no mark before them. */
  const unmarked = (source: string): readonly string[] =>
    source
      // The name of a format, not a command.
      .replaceAll('"lobule phantom"', "")
      .replaceAll(/\/\*[\s\S]*?\*\//g, "")
      .replaceAll(/^\s*\/\/.*$/gm, "")
      .match(new RegExp(`(?<!\`)\\blobule (${verbs})\\b[^\`"']*`, "g")) ?? [];

  test.each([
    ['warn("resume it: lobule train --resume x")', ["lobule train --resume x"]],
    ['warn("`lobule doctor` says more")', []],
    ["/** `lobule train` */ x();", []],
  ])("%s", (source, found) => {
    expect(unmarked(source)).toEqual(found);
  });

  test("in every package", () => {
    for (const path of sources(join(root, "packages"))) {
      expect(unmarked(readFileSync(path, "utf8")), relative(root, path)).toEqual([]);
    }
  });
});
