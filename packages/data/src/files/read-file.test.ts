import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../data-error.js";
import { parseJsonText } from "./json.js";
import { makeFolder } from "./make-folder.js";
import { FileReadError, openRegularFile, readBytes, readJson, readText } from "./read-file.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-read-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** Nothing here may wait for somebody else. */
const soon = { timeout: 5000 };

describe("what is no regular file is refused at once", soon, () => {
  test("a folder, a device without end, a missing file, a path through a file", async () => {
    const file = await written("file", "text");
    await expect(readBytes(folder, "record")).rejects.toThrow(`${folder} is a folder, not a regular file`);
    await expect(readBytes("/dev/zero", "record")).rejects.toThrow("/dev/zero is a device, not a regular file");
    await expect(readText("/dev/tty", "record")).rejects.toThrow(FileReadError);
    for (const path of [join(folder, "gone"), join(file, "below")])
      await expect(readText(path, "record")).rejects.toMatchObject({ message: `${path} is missing`, missing: true });
  });

  test("a pipe that nobody writes to, and a link to it", async () => {
    const [pipe, link] = [join(folder, "pipe"), join(folder, "link")];
    execFileSync("mkfifo", [pipe]);
    await symlink(pipe, link);
    for (const path of [pipe, link])
      await expect(openRegularFile(path)).rejects.toThrow(`${path} is a pipe, not a regular file`);
  });

  test("a socket", async () => {
    const path = join(folder, "socket");
    const server = createServer().listen(path);
    await new Promise((listening) => server.once("listening", listening));
    await expect(readJson(path, "record")).rejects.toThrow(`${path} is a socket, not a regular file`);
    await new Promise((closed) => server.close(closed));
  });

  test("files of the system that say they are empty hold nothing", async () => {
    expect(await readBytes("/proc/self/status", "record")).toHaveLength(0);
    await expect(readJson("/proc/self/pagemap", "record")).rejects.toThrow("is empty, where JSON is expected");
  });
});

describe("what is read as a whole", () => {
  test("is as long as its kind may be, and is not read where it is longer", async () => {
    const path = join(folder, "sparse");
    const file = await open(path, "w");
    await file.truncate(16 * 2 ** 20 + 1);
    await file.close();
    await expect(readText(path, "description")).rejects.toThrow(`${path} has 16 MiB, more than the 16 MiB it may have`);
    expect(await readBytes(path, "record")).toHaveLength(16 * 2 ** 20 + 1);
    const huge = await open(path, "w");
    await huge.truncate(2 ** 40);
    await huge.close();
    await expect(readBytes(path, "tensors")).rejects.toThrow("has 1,048,576 MiB, more than the 4,096 MiB it may have");
  });

  test("text is UTF-8, with or without a byte order mark", async () => {
    expect(await readText(await written("text", "\uFEFFVenæ\r\n"), "description")).toBe("Venæ\r\n");
    const path = await written("latin", Uint8Array.of(0x7b, 0xe6, 0x7d));
    await expect(readText(path, "description")).rejects.toThrow(`${path} is no text in UTF-8`);
  });

  test("JSON", async () => {
    expect(await readJson(await written("a.json", '\uFEFF{"a": [1, 2]}\n'), "description")).toEqual({ a: [1, 2] });
    const path = await written("b.json", '{\n  "a": 01\n}');
    await expect(readJson(path, "description")).rejects.toThrow(
      `${path} is not valid JSON: unexpected "1" at line 2, column 9`,
    );
  });
});

describe("JSON text", () => {
  test.each([
    ["", "is empty"],
    [" \n", "is empty"],
    ["{", "the text ends at line 1, column 2"],
    ["[1,]", 'unexpected "]" at line 1, column 4'],
    ['{"a":1,}', 'unexpected "}" at line 1, column 8'],
    ['{"a" 1}', 'unexpected "1"'],
    ["{a:1}", 'unexpected "a"'],
    [`{"${"a".repeat(257)}":1}`, "a key has more than 256 characters at line 1, column 2"],
    ["NaN", 'unexpected "N"'],
    ["[1] x", 'unexpected "x"'],
    ["1e", 'unexpected "e"'],
    ['"tab\there"', 'unexpected "\\t"'],
    ['"\\x"', 'unexpected "\\\\"'],
    ['"open', "the text ends"],
    ["[1\n,\n2}", 'unexpected "}" at line 3, column 2'],
    ['{"a":1,"b":{"a":1},"\\u0061":2}', 'the key "\\u0061" comes twice at line 1, column 20'],
  ])("%j is refused", (text, message) => {
    expect(() => parseJsonText(text, "x.json")).toThrow(DataError);
    expect(() => parseJsonText(text, "x.json")).toThrow(message);
  });

  test("values are at most 100 deep", () => {
    expect(parseJsonText("[".repeat(100) + "]".repeat(100), "x")).toHaveLength(1);
    for (const deep of ["[".repeat(100_000), '{"a":'.repeat(100_000), "[".repeat(101) + "]".repeat(101)])
      expect(() => parseJsonText(deep, "x")).toThrow(
        /^x is not valid JSON: values are nested more than 100 deep at line 1/,
      );
  });

  test("every JSON text gives its value", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 2, "\r\n"), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        expect(parseJsonText(spaced, "x")).toEqual(JSON.parse(text));
      }),
    );
  });

  test("what JSON.parse refuses is refused, with a place", () => {
    const characters = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0aet1-.+ \n\u0001') });
    fc.assert(
      fc.property(characters, (text) => {
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          expect(() => parseJsonText(text, "x")).toThrow(DataError);
          return;
        }
        expect(parseJsonText(text, "x")).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  test("long texts take neither stack nor time", soon, () => {
    const escapes = "\\n".repeat(4_000_000);
    expect(String(parseJsonText(`"${escapes}"`, "x")).length).toBe(4_000_000);
    const numbers = JSON.stringify(Array.from({ length: 500_000 }, (_, i) => i / 7));
    expect(parseJsonText(numbers, "x")).toHaveLength(500_000);
  });
});

describe("a folder is made", soon, () => {
  test("with those above it, also twice at a time", async () => {
    const path = join(folder, "a", "b", "c");
    await Promise.all([makeFolder(path), makeFolder(join(folder, "a", "b")), makeFolder(path)]);
    expect(await makeFolder(path)).toBeUndefined();
    expect(await makeFolder(join(path, "d", "e"))).toBe(join(path, "d"));
    expect(await written("a/b/c/d/e/file", "")).toContain("e");
  });

  test("or refused: over a file, below a file, in a file system of the system", async () => {
    await expect(makeFolder(await written("taken", ""))).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(makeFolder(join(folder, "taken", "below"))).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(makeFolder("/proc/lobule/run")).rejects.toMatchObject({ code: "ENOENT" });
    await mkdir(join(folder, "dangling"));
    await symlink(join(folder, "nowhere"), join(folder, "dangling", "link"));
    await expect(makeFolder(join(folder, "dangling", "link"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });
});
