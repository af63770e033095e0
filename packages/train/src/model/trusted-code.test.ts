import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeCheckpoint } from "../run/checkpoint.js";
import { readCode, readModel } from "./load-model.js";
import { type CodeMemory, codeHash, requireTrusted } from "./trusted-code.js";

const code = { text: "module.exports.default = () => { throw new Error('it ran'); };", source: "runs/a/model.cjs" };

let root: string;
let codeMemory: CodeMemory;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-trust-"));
  const known = new Set<string>();
  codeMemory = {
    isRemembered: async (hash) => known.has(hash),
    remember: async (hash) => void known.add(hash),
  };
});
afterEach(() => rm(root, { recursive: true }));

const accepted = (text = code.text): Promise<boolean> =>
  requireTrusted({ ...code, text }, { codeMemory }).then(
    () => true,
    () => false,
  );

describe("a model's own code", () => {
  test("is refused, naming the file, its hash and what to do", async () => {
    for (const trust of [{}, { codeMemory }, { trustCode: false }]) {
      await expect(requireTrusted(code, trust)).rejects.toThrow(
        `runs/a/model.cjs: using this model runs its code (SHA-256 ${codeHash(code.text)}), and no training of yours on this machine made it; read it, and if you trust it add --trust-code (in a program trustCode: true)`,
      );
    }
    await requireTrusted(code, { trustCode: true, codeMemory });
    // Trusted for this time only.
    expect(await accepted()).toBe(false);
  });

  test("is accepted once it was remembered, and no other code is", async () => {
    await codeMemory.remember(codeHash(code.text));
    expect(await accepted()).toBe(true);
    expect(await accepted(`${code.text} `)).toBe(false);
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
      await expect(readModel(nodeStorage, path, { codeMemory })).rejects.toThrow("using this model runs its code");
      expect((await readModel(nodeStorage, path, { trustCode: true })).code?.text).toBe(code.text);
    }
    await expect(readCode(nodeStorage, folder, { codeMemory })).rejects.toThrow("using this model runs its code");
    await codeMemory.remember(codeHash(code.text));
    expect((await readModel(nodeStorage, folder, { codeMemory })).code?.text).toBe(code.text);
  });
});
