import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DataError } from "../data-error.js";
import { writeFileAtomically } from "../files/atomic-file.js";
import { MemoryStorage } from "../storage/memory-storage.js";
import { PackedDataError, type Packing } from "../storage/packing.js";
import { portablePacking } from "../storage/portable-packing.js";
import { type Trailing, unpackedMembers } from "./gzip-members.js";

const storage = new MemoryStorage();

async function unpack(packing: Packing, bytes: Uint8Array): Promise<{ content: Buffer; trailing: number }> {
  await writeFileAtomically(storage, "/a.gz", bytes);
  const file = await storage.open("/a.gz");
  const trailing: Trailing = { bytes: 0 };
  const chunks: Uint8Array[] = [];
  for await (const chunk of unpackedMembers(packing, "a.gz", file, trailing)) chunks.push(chunk);
  return { content: Buffer.concat(chunks), trailing: trailing.bytes };
}

/** Bytes that hardly shrink. */
const noise = (length: number, seed = 1): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 13) & 255));

/** A member with every optional part of a header. */
function decorated(content: Uint8Array): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length, 4);
  const extra = Buffer.alloc(300, 0x1f);
  const header = Buffer.from([0x1f, 0x8b, 8, 2 + 4 + 8 + 16, 0, 0, 0, 0, 0, 3, extra.length & 255, extra.length >> 8]);
  const names = Buffer.from("scan.nii\0made by hand\0", "latin1");
  return Buffer.concat([header, extra, names, Buffer.from([0, 0]), deflateRawSync(content), trailer]);
}

describe.each([
  ["zlib", nodeStorage.packing],
  ["pako", portablePacking],
])("unpackedMembers by %s", (_, packing) => {
  it("gives the content of any members, and counts what is behind them", async () => {
    const member = fc.record({ length: fc.nat(3000), seed: fc.nat(99), plain: fc.boolean() });
    const behind = fc.uint8Array({ maxLength: 40 }).filter(([a, b]) => !(a === 0x1f && b === 0x8b));
    await fc.assert(
      fc.asyncProperty(fc.array(member, { minLength: 1, maxLength: 5 }), behind, async (members, rest) => {
        const contents = members.map(({ length, seed }) => noise(length, seed));
        const packed = contents.map((content, i) => (members[i]?.plain ? gzipSync(content) : decorated(content)));
        const { content, trailing } = await unpack(packing, Buffer.concat([...packed, rest]));
        expect(content.equals(Buffer.concat(contents))).toBe(true);
        expect(trailing).toBe(rest.length);
      }),
      { numRuns: 60 },
    );
  });

  it("wherever the members end in the chunks that are read", async () => {
    // Stored without compression: a member is 5 bytes a block, 18 in all, longer than its content.
    for (const length of [262_116, 262_117, 262_118, 262_125, 262_126, 262_127, 600_000]) {
      const content = noise(length);
      const { content: found, trailing } = await unpack(
        packing,
        Buffer.concat([gzipSync(content, { level: 0 }), gzipSync(content), Buffer.from("text")]),
      );
      expect(found.equals(Buffer.concat([content, content]))).toBe(true);
      expect(trailing).toBe(4);
    }
  });

  it("takes members by the thousand", async () => {
    const block = gzipSync(noise(1000));
    const { content } = await unpack(packing, Buffer.concat(new Array<Buffer>(3000).fill(block)));
    expect(content.length).toBe(3_000_000);
  });

  it("refuses every cut of a file but between its members", async () => {
    const first = decorated(noise(50));
    const whole = Buffer.concat([first, gzipSync(noise(60))]);
    for (let length = 2; length < whole.length; length++) {
      if (length === first.length) continue;
      // One byte of a second member does not show what it is.
      if (length === first.length + 1) continue;
      const outcome = await unpack(packing, whole.subarray(0, length)).then(
        () => "read",
        (error: unknown) => (error instanceof DataError || error instanceof PackedDataError ? "refused" : error),
      );
      expect([length, outcome]).toEqual([length, "refused"]);
    }
  });

  it("may be left in the middle, and the file closed then", async () => {
    await writeFileAtomically(storage, "/left.gz", gzipSync(noise(5_000_000)));
    const chunks = unpackedMembers(packing, "left.gz", await storage.open("/left.gz"), { bytes: 0 });
    expect((await chunks.next()).done).toBe(false);
    await chunks.return();
    expect((await chunks.next()).done).toBe(true);
  });
});
