import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { contentProblems, manifestProblems, sideEffectProblems } from "../../tools/release/manifest-problems.mjs";
import { publishedWorkspaces } from "../../tools/release/workspaces.mjs";

const tool = fileURLToPath(new URL("../../tools/release.mjs", import.meta.url));

test("every package packs with all that others need of it, and the examples of its README compile", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [tool, "--check"]);
  for (const { manifest } of publishedWorkspaces())
    expect(stdout).toMatch(new RegExp(`^${manifest.name} +\\d+ kB`, "m"));
  expect(stdout).toMatch(/examples of the READMEs +\d+ compiled/);
});

test("a package is published after those that it depends on", () => {
  const names = publishedWorkspaces().map(({ manifest }) => manifest.name);
  expect(names.indexOf("@lobule/kernels-wgsl")).toBeLessThan(names.indexOf("@lobule/tensor"));
  expect(names.indexOf("@lobule/software-adapter")).toBeLessThan(names.indexOf("@lobule/node"));
  expect(names.at(-1)).toBe("lobule");
});

describe("a package is not published", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-publish-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const good = {
    "README.md": "# one",
    LICENSE: "free",
    "dist/index.js": 'export { two } from "./two.js";\nimport "zod";\n//# sourceMappingURL=index.js.map\n',
    "dist/index.d.ts": 'export { two } from "./two.js";\n',
    "dist/two.js": "export const two = 2;\n",
    "dist/index.js.map": JSON.stringify({ sources: ["../src/index.ts"] }),
    "src/index.ts": 'export { two } from "./two.js";\n',
    "src/two.ts": '/** As import("nothing") is. */\nexport const two = 2;\n',
  };
  const manifest = { name: "one", dependencies: { zod: "1" }, sideEffects: false };
  const problemsWith = async (changes: Readonly<Record<string, string | undefined>>): Promise<string[]> => {
    const files = Object.entries({ ...good, ...changes }).filter(
      (file): file is [string, string] => file[1] !== undefined,
    );
    for (const [path, text] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    const workspace = { name: "one", folder, manifest };
    return [
      ...contentProblems(
        workspace,
        files.map(([path]) => path),
      ),
      ...sideEffectProblems(workspace),
    ];
  };

  test("unless nothing is wrong", async () => expect(await problemsWith({})).toEqual([]));

  test.each([
    ["without its license", { LICENSE: undefined }, "lacks LICENSE"],
    ["with a test", { "dist/index.test.js": "" }, "dist/index.test.js is of no use to others"],
    ["with a file that is not there", { "dist/two.js": undefined }, "dist/index.js uses ./two.js, which is not packed"],
    ["with a map of no source", { "src/index.ts": undefined }, "names src/index.ts, which is not packed"],
    [
      "with a package that it does not name",
      { "dist/two.js": 'import x from "left/pad";' },
      "uses left/pad, which is no dependency",
    ],
    [
      "with types that it does not name",
      { "dist/index.d.ts": '/// <reference types="@webgpu/types" />' },
      "uses @webgpu/types",
    ],
    ["with a dependency of no use", { "dist/index.js": "" }, "depends on zod, which it does not use"],
    ["with a module that acts", { "src/two.ts": "console.log(2);" }, "src/two.ts acts when it is loaded"],
  ])("%s", async (_, changes, problem) => {
    expect((await problemsWith(changes)).join("\n")).toContain(problem);
  });

  test("whose manifest is of another version, or lacks what people look for", () => {
    const [first] = publishedWorkspaces();
    const bad = { ...first, manifest: { ...first?.manifest, version: "9.9.9", engines: undefined, keywords: [] } };
    expect(manifestProblems(bad).join("\n")).toMatch(/version is the root's.*engines names.*it says what it is/s);
  });
});
