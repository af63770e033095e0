import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { beforeAll, describe, expect, test } from "vitest";

// TypeScript in documents and docstrings is compiled, so that it stays true. What a block leaves out for the reader's sake,
// such as where an image is from, stands before it in a comment of the document: <!-- ts: declare const x: Image; -->

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Example {
  /** Where it begins. */
  readonly at: string;
  readonly code: string;
}

const block = /^(?:<!-- ts: (.*?) -->\n+)?```ts.*\n([\s\S]*?)^```$/gm;

/** The blocks of a text, each a module of its own. */
const examplesOf = (text: string, path: string, firstLine = 1): Example[] =>
  [...text.matchAll(block)].map(({ index, 1: given = "", 2: code = "" }) => ({
    at: `${path}:${firstLine + text.slice(0, index).split("\n").length - 1}`,
    code: `${given}\n${code}\nexport {};\n`,
  }));

/** The docstrings of a source, without their stars. */
const docstrings = (text: string): { readonly text: string; readonly line: number }[] =>
  [...text.matchAll(/\/\*\*[\s\S]*?\*\//g)].map(({ 0: comment, index }) => ({
    text: comment.replaceAll(/^ *(\/\*\*|\*\/|\* ?)/gm, ""),
    line: text.slice(0, index).split("\n").length,
  }));

async function allExamples(): Promise<Example[]> {
  const documents = [
    "README.md",
    "CONTRIBUTING.md",
    ...(await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
  ];
  const sources = (await readdir(join(root, "packages"), { recursive: true }))
    .filter((name) => /^[^/]+\/src\/.*(?<!\.wgsl|\.test)\.ts$/.test(name))
    .map((name) => `packages/${name}`);
  const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");
  const [texts, programs] = await Promise.all([
    Promise.all(documents.map(async (path) => examplesOf(await read(path), path))),
    Promise.all(
      sources.map(async (path) =>
        docstrings(await read(path)).flatMap(({ text, line }) => examplesOf(text, path, line)),
      ),
    ),
  ]);
  return [...texts, ...programs].flat();
}

const examples = await allExamples();
const fileOf = (i: number): string => join(root, "tests", "docs", `example${i}.ts`);

/** What the compiler has to say of each example. */
function problemsOf(): string[][] {
  const config = ts.readConfigFile(join(root, "tsconfig.test.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config.config, include: [], files: [] }, ts.sys, root);
  const texts = new Map(examples.map(({ code }, i) => [fileOf(i), code]));
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile: readOf } = host;
  host.fileExists = (name) => texts.has(name) || fileExists(name);
  host.readFile = (name) => texts.get(name) ?? readOf(name);
  host.getSourceFile = (name, ...rest) => {
    const text = texts.get(name);
    if (text === undefined) return getSourceFile(name, ...rest);
    const form = { languageVersion: ts.ScriptTarget.ES2023, impliedNodeFormat: ts.ModuleKind.ESNext } as const;
    return ts.createSourceFile(name, text, form);
  };
  const program = ts.createProgram({ rootNames: [...texts.keys()], options, host });
  return examples.map((_, i) => {
    const source = program.getSourceFile(fileOf(i));
    if (source === undefined) return ["it was not compiled"];
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"),
    );
  });
}

describe("TypeScript in documents and docstrings", () => {
  let problems: string[][] = [];
  beforeAll(() => {
    problems = problemsOf();
  });

  test.each(examples.map(({ at }, i) => [at, i] as const))("%s compiles", (_, i) => {
    expect(problems[i]).toEqual([]);
  });

  test("is found in both", () => {
    expect(examples.some(({ at }) => at.startsWith("README.md"))).toBe(true);
    expect(examples.some(({ at }) => at.startsWith("docs/"))).toBe(true);
    expect(examples.some(({ at }) => at.startsWith("packages/"))).toBe(true);
  });
});

test("a link to a file of the repository leads to one", async () => {
  const documents = [
    "README.md",
    "CONTRIBUTING.md",
    ...(await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
  ];
  const broken: string[] = [];
  for (const path of documents) {
    const text = await readFile(join(root, path), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      const file = join(root, dirname(path), target);
      if (!ts.sys.fileExists(file)) broken.push(`${path}: ${relative(root, file)}`);
    }
  }
  expect(broken).toEqual([]);
});
