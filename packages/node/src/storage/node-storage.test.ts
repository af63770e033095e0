import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { portablePacking, storageChecks } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { nodePacking } from "./node-packing.js";
import { nodeStorage } from "./node-storage.js";

describe("the storage of Node", () => {
  test.each(storageChecks)("$name", async ({ run }) => {
    const folder = await mkdtemp(join(tmpdir(), "lobule-storage-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await run(nodeStorage, folder);
  });

  test("knows how much memory there is", () => {
    expect(nodeStorage.memory).toBeGreaterThan(2 ** 20);
  });

  test("a file for its owner alone stays so", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lobule-storage-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    expect(await nodeStorage.makeFolder(join(folder, "own"), { private: true })).toBe(join(folder, "own"));
    const file = await nodeStorage.replace(join(folder, "own", "file"), { private: true });
    await file.commit();
    const modeOf = async (path: string) => (await stat(path)).mode & 0o777;
    expect([await modeOf(join(folder, "own")), await modeOf(join(folder, "own", "file"))]).toEqual([0o700, 0o600]);
  });
});

describe("packing", () => {
  const packedBy = async (packing: typeof nodePacking, pieces: readonly Uint8Array[]): Promise<string> => {
    const packed: Uint8Array[] = [];
    const packer = packing.gzip(async (chunk) => void packed.push(chunk));
    for (const piece of pieces) await packer.write(piece);
    await packer.end();
    return Buffer.concat(packed).toString("hex");
  };

  test("pako packs to what zlib packs to, but for the byte that names the system", async () => {
    const pieces = fc.array(
      fc
        .record({
          length: fc.nat(60_000),
          factor: fc.integer({ min: 1, max: 1000 }),
          bits: fc.integer({ min: 0, max: 12 }),
        })
        .map(({ length, factor, bits }) => Uint8Array.from({ length }, (__, i) => Math.imul(i, factor * i) >>> bits)),
      { maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(pieces, async (each) => {
        const [node, portable] = [await packedBy(nodePacking, each), await packedBy(portablePacking, each)];
        expect(portable.slice(20)).toBe(node.slice(20));
      }),
      { numRuns: 30 },
    );
  });
});
