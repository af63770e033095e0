import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeCheckpoint } from "../run/checkpoint.js";
import { readCode, readModel } from "./load-model.js";
import { codeHash, rememberCode, requireTrusted } from "./trusted-code.js";

const code = { text: "module.exports.default = () => { throw new Error('it ran'); };", source: "runs/a/model.cjs" };

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
const accepted = (text = code.text): Promise<boolean> =>
  requireTrusted({ ...code, text }, {}).then(
    () => true,
    () => false,
  );

describe("a model's own code", () => {
  test("is refused, naming the file, its hash and what to do", async () => {
    await expect(requireTrusted(code, {})).rejects.toThrow(
      `runs/a/model.cjs: using this model runs its code (SHA-256 ${codeHash(code.text)}), and no training of yours on this machine made it; read it, and if you trust it add --trust-code (in a program trustCode: true)`,
    );
    await expect(requireTrusted(code, { trustCode: false })).rejects.toThrow();
    await requireTrusted(code, { trustCode: true });
    // Trusted for this time only.
    expect(await accepted()).toBe(false);
  });

  test("is accepted once it was remembered, and no other code is", async () => {
    await rememberCode(code);
    await rememberCode(code);
    expect(await accepted()).toBe(true);
    expect(await accepted(`${code.text} `)).toBe(false);
  });

  test.runIf(process.platform !== "win32")("is remembered where nobody else can write", async () => {
    await rememberCode(code);
    const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
    expect(await readdir(trusted())).toEqual([codeHash(code.text)]);
    expect(await mode(join(trusted(), codeHash(code.text)))).toBe(0o600);
    expect([await mode(trusted()), await mode(join(root, "config", "lobule"))]).toEqual([0o700, 0o700]);
  });

  test.runIf(process.platform !== "win32")("is not accepted by what others can write", async () => {
    await rememberCode(code);
    const file = join(trusted(), codeHash(code.text));
    for (const path of [file, trusted(), join(root, "config", "lobule")]) {
      const { mode } = await stat(path);
      for (const writable of [0o020, 0o002]) {
        await chmod(path, mode | writable);
        expect(await accepted()).toBe(false);
      }
      await chmod(path, mode);
      expect(await accepted()).toBe(true);
      if (process.getuid?.() === 0) {
        await chown(path, 12_345, 12_345);
        expect(await accepted()).toBe(false);
        await chown(path, 0, 0);
      }
    }
    await rm(file);
    await writeFile(join(root, "elsewhere"), "", { mode: 0o600 });
    await symlink(join(root, "elsewhere"), file);
    expect(await accepted()).toBe(false);
    // Nothing is remembered in a folder of somebody else's.
    await rm(file);
    await chmod(trusted(), 0o777);
    await rememberCode(code);
    expect(await readdir(trusted())).toEqual([]);
  });

  test("that cannot be remembered hinders no training", async () => {
    await writeFile(join(root, "config"), "");
    await rememberCode(code);
    expect(await accepted()).toBe(false);
  });
});

describe("a run folder with code of its own", () => {
  test("is not read without trust, by its folder or by its checkpoint", async () => {
    const folder = join(root, "run");
    await mkdir(join(folder, "checkpoints"), { recursive: true });
    await writeFile(join(folder, "model.cjs"), code.text);
    const model = {
      version: 1,
      architecture: "custom",
      code: codeHash(code.text),
      classes: ["background", "bright"],
      baseFeatures: 1,
      depth: 1,
      size: null,
      window: [-1, 1],
      preset: null,
    };
    const checkpoint = join(folder, "checkpoints", "best.safetensors");
    await writeFile(checkpoint, encodeCheckpoint({ tensors: new Map(), state: { model } }));
    for (const path of [folder, checkpoint]) {
      await expect(readModel(path)).rejects.toThrow("using this model runs its code");
      expect((await readModel(path, { trustCode: true })).code?.text).toBe(code.text);
    }
    await expect(readCode(folder, {})).rejects.toThrow("using this model runs its code");
    await rememberCode(code);
    expect((await readModel(folder)).code?.text).toBe(code.text);
  });
});
