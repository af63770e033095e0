import { chmod, chown, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeMemory } from "./code-memory.js";

const hash = "5f".repeat(32);

let root: string;
let before: string | undefined;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-trust-"));
  before = process.env.XDG_CONFIG_HOME;
  process.env.XDG_CONFIG_HOME = join(root, "config");
});
afterEach(async () => {
  if (before === undefined) delete process.env.XDG_CONFIG_HOME;
  else process.env.XDG_CONFIG_HOME = before;
  await rm(root, { recursive: true });
});

const trusted = (): string => join(root, "config", "lobule", "trusted-code");
const remembered = (): Promise<boolean> => codeMemory.isRemembered(hash);

describe("a model's own code", () => {
  test("is known once it was remembered, and no other code is", async () => {
    expect(await remembered()).toBe(false);
    await codeMemory.remember(hash);
    await codeMemory.remember(hash);
    expect(await remembered()).toBe(true);
    expect(await codeMemory.isRemembered("5e".repeat(32))).toBe(false);
  });

  test.runIf(process.platform !== "win32")("is remembered where nobody else can write", async () => {
    await codeMemory.remember(hash);
    const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
    expect(await readdir(trusted())).toEqual([hash]);
    expect(await mode(join(trusted(), hash))).toBe(0o600);
    expect([await mode(trusted()), await mode(join(root, "config", "lobule"))]).toEqual([0o700, 0o700]);
  });

  test.runIf(process.platform !== "win32")("is not known by what others can write", async () => {
    await codeMemory.remember(hash);
    const file = join(trusted(), hash);
    for (const path of [file, trusted(), join(root, "config", "lobule")]) {
      const { mode } = await stat(path);
      for (const writable of [0o020, 0o002]) {
        await chmod(path, mode | writable);
        expect(await remembered()).toBe(false);
      }
      await chmod(path, mode);
      expect(await remembered()).toBe(true);
      if (process.getuid?.() === 0) {
        await chown(path, 12_345, 12_345);
        expect(await remembered()).toBe(false);
        await chown(path, 0, 0);
      }
    }
    await rm(file);
    await writeFile(join(root, "elsewhere"), "", { mode: 0o600 });
    await symlink(join(root, "elsewhere"), file);
    expect(await remembered()).toBe(false);
    // Nothing is remembered in a folder of somebody else's.
    await rm(file);
    await chmod(trusted(), 0o777);
    await codeMemory.remember(hash);
    expect(await readdir(trusted())).toEqual([]);
  });

  test("that cannot be remembered hinders no training", async () => {
    await writeFile(join(root, "config"), "");
    await codeMemory.remember(hash);
    expect(await remembered()).toBe(false);
  });
});
