import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  readSafetensors,
  readSafetensorsMetadata,
  SafetensorsError,
  type SafetensorsTensor,
  writeSafetensors,
} from "./safetensors.js";

/** A file of any header text and any data. */
function file(header: unknown, dataLength = 0, headerLength?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype: unknown = "F32") => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

const anyTensor: fc.Arbitrary<SafetensorsTensor> = fc
  .tuple(
    fc.array(fc.nat(4), { maxLength: 4 }),
    fc.constantFrom("F64", "F32", "F16", "BF16", "I32", "U32", "I64"),
    fc.infiniteStream(fc.nat()),
  )
  .map(([shape, dtype, stream]) => {
    const numbers = Array.from({ length: size(shape) }, () => stream.next().value);
    switch (dtype) {
      case "F64":
        return { dtype, shape, data: Float64Array.from(numbers, (bits) => bits / 7) };
      case "F32":
        return { dtype, shape, data: Float32Array.from(numbers, (bits) => bits / 7) };
      case "F16":
      case "BF16":
        return { dtype, shape, data: Uint16Array.from(numbers) };
      case "I32":
        return { dtype, shape, data: Int32Array.from(numbers, (bits) => -bits) };
      case "U32":
        return { dtype, shape, data: Uint32Array.from(numbers) };
      default:
        return { dtype: "I64", shape, data: BigInt64Array.from(numbers, (bits) => -BigInt(bits) * 4_000_000_007n) };
    }
  });

const names = fc.string({ unit: "grapheme", maxLength: 12 }).filter((name) => name !== "__metadata__");

describe("what is written is read back", () => {
  test("any tensors and metadata, also from an odd place in memory", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(names, anyTensor), { selector: ([name]) => name, maxLength: 6 }),
        fc.dictionary(names, fc.string({ unit: "grapheme" }), { noNullPrototype: true }),
        (pairs, metadata) => {
          const bytes = writeSafetensors(new Map(pairs), metadata);
          const shifted = new Uint8Array(bytes.length + 1);
          shifted.set(bytes, 1);
          const read = readSafetensors(shifted.subarray(1));
          expect(read.size).toBe(pairs.length);
          expect(readSafetensors(Buffer.from(bytes))).toEqual(read);
          for (const [name, tensor] of pairs) expect(read.get(name)).toEqual(tensor);
          expect(Object.entries(readSafetensorsMetadata(bytes)).sort()).toEqual(Object.entries(metadata).sort());
        },
      ),
    );
  });

  test("the order of the tensors does not change the bytes", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(names, anyTensor), { selector: ([name]) => name, maxLength: 6 }), (pairs) => {
        expect(writeSafetensors(new Map([...pairs].reverse()))).toEqual(writeSafetensors(new Map(pairs)));
      }),
    );
  });

  test("the data begins at a multiple of 8 and wide elements come first", () => {
    const bytes = writeSafetensors(
      new Map<string, SafetensorsTensor>([
        ["a", { dtype: "F16", shape: [1], data: Uint16Array.of(1) }],
        ["b", { dtype: "I64", shape: [1], data: BigInt64Array.of(7n) }],
      ]),
      { step: "3" },
    );
    const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect((8 + headerLength) % 8).toBe(0);
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)).trimEnd()).toBe(
      '{"__metadata__":{"step":"3"},"b":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},"a":{"dtype":"F16","shape":[1],"data_offsets":[8,10]}}',
    );
  });
});

describe("a broken file is refused in one sentence", () => {
  const cases: readonly (readonly [why: string, bytes: Uint8Array, message: RegExp])[] = [
    ["an empty file", new Uint8Array(), /has 0 bytes, too few/],
    ["a length without a header", file("{}", 0, 3n), /claims 3 bytes, the file has only 2/],
    ["a huge header length", file("{}", 0, 2n ** 63n), /claims 9223372036854775808 bytes, the format allows 100000000/],
    ["a header that is no JSON", file("{tensor}"), /not UTF-8 JSON/],
    ["a header that is no UTF-8", new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 0xff]), /not UTF-8 JSON/],
    ["a list as header", file("[]"), /not a JSON object/],
    ["space before the header", file(" {}"), /not a JSON object/],
    [
      "a tensor given twice",
      file(`{"a":${JSON.stringify(entry(0, 4))},"\\u0061":${JSON.stringify(entry(0, 4))}}`, 4),
      /key 'a' twice/,
    ],
    [
      "a field given twice",
      file('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
      /key 'dtype' twice/,
    ],
    ["an entry that is no object", file({ a: 1 }), /'a': its entry is not a JSON object/],
    ["an unknown element type", file({ a: entry(0, 4, [1], "F8") }, 4), /element type "F8" is not one of F64/],
    ["an element type from the prototype", file({ a: entry(0, 4, [1], "toString") }, 4), /element type "toString"/],
    ["no shape", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, 4), /its shape undefined is not a list/],
    ["a negative extent", file({ a: entry(0, 4, [-1]) }, 4), /holds -1, extents are whole numbers/],
    ["a fractional extent", file({ a: entry(0, 4, [1.5]) }, 4), /holds 1.5, extents are whole numbers/],
    ["an extent as text", file({ a: entry(0, 4, ["1"]) }, 4), /holds "1", extents are whole numbers/],
    ["a product that overflows", file({ a: entry(0, 4, [2 ** 40, 2 ** 40]) }, 4), /more elements than can be counted/],
    [
      "an extent beyond 2^53",
      file(`{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0,4]}}`, 4),
      /extents are whole numbers/,
    ],
    [
      "offsets in falling order",
      file({ a: { dtype: "F32", shape: [1], data_offsets: [4, 0] } }, 4),
      /not two byte offsets/,
    ],
    ["a negative offset", file({ a: { dtype: "F32", shape: [1], data_offsets: [-4, 0] } }, 4), /not two byte offsets/],
    ["one offset", file({ a: { dtype: "F32", shape: [1], data_offsets: [0] } }, 4), /not two byte offsets/],
    ["a size that differs from the shape", file({ a: entry(0, 4, [2]) }, 4), /needs 8 bytes, its data_offsets hold 4/],
    ["data beyond the end", file({ a: entry(0, 8) }, 4), /ends at byte 8, the file holds 4/],
    ["an overlap", file({ a: entry(0, 8), b: entry(4, 12) }, 12), /'b': its data begins at byte 4 and overlaps/],
    ["a hole", file({ a: entry(0, 4), b: entry(8, 12) }, 12), /bytes 4 to 8 of the data belong to no tensor/],
    ["data that begins late", file({ a: entry(4, 8) }, 8), /bytes 0 to 4/],
    ["bytes at the end", file({ a: entry(0, 4) }, 5), /bytes 4 to 5 at the end/],
    ["metadata that is no text", file({ __metadata__: { a: 1 } }), /the value of 'a' is not a text/],
    ["metadata that is no object", file({ __metadata__: [] }), /__metadata__ is not a JSON object/],
  ];
  test.each(cases)("%s", (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(SafetensorsError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  test("a file cut anywhere, or with any header byte changed, never gives an error of another kind", () => {
    const whole = writeSafetensors(
      new Map<string, SafetensorsTensor>([
        ["weight", { dtype: "F32", shape: [2, 3], data: new Float32Array(6) }],
        ["step", { dtype: "I64", shape: [], data: new BigInt64Array(1) }],
      ]),
    );
    const attempt = (bytes: Uint8Array): void => {
      try {
        readSafetensors(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(SafetensorsError);
        expect((error as Error).message).not.toMatch(/\n/);
      }
    };
    for (let length = 0; length < whole.length; length++) {
      expect(() => readSafetensors(whole.subarray(0, length))).toThrow(SafetensorsError);
    }
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const changed = whole.slice();
        changed[at] = byte;
        attempt(changed);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("tensors that cannot be written", () => {
  test.each([
    ["a shape that differs from the data", "a", [2, 2], /needs 4 elements, got 3/],
    ["a negative extent", "a", [-3], /extents are whole numbers/],
    ["the reserved name", "__metadata__", [3], /cannot be named __metadata__/],
  ])("%s", (_, name, shape, message) => {
    const tensors = new Map([[name, { dtype: "F32", shape, data: new Float32Array(3) } as const]]);
    expect(() => writeSafetensors(tensors)).toThrow(message);
  });
});

/** Verdicts of the reference reader, huggingface/safetensors in Rust: its tensor.rs, and serde_json that it reads with. */
describe("verdicts are those of the reference reader", () => {
  const one = '"dtype":"F32","shape":[1],"data_offsets":[0,4]';
  test.each<[what: string, header: string, data: number, verdict: "read" | "refused"]>([
    ["nothing in it", "{}", 0, "read"],
    ["an empty header", "", 0, "refused"],
    ["spaces at the end", `{"a":{${one}}}    `, 4, "read"],
    ["line ends at the end", `{"a":{${one}}}\r\n`, 4, "read"],
    ["zeros at the end of the header", `{"a":{${one}}}\0\0`, 4, "refused"],
    ["more text behind the object", `{"a":{${one}}}{}`, 4, "refused"],
    ["a byte order mark", `\uFEFF{"a":{${one}}}`, 4, "refused"],
    ["a field that is not known", `{"a":{${one},"scale":0.5,"more":[1.5]}}`, 4, "read"],
    ["no metadata, said with null", `{"__metadata__":null,"a":{${one}}}`, 4, "read"],
    ["metadata that are no text", `{"__metadata__":{"a":1},"a":{${one}}}`, 4, "refused"],
    ["a list for metadata", `{"__metadata__":[],"a":{${one}}}`, 4, "refused"],
    ["a field given twice", `{"a":{${one},"dtype":"F32"}}`, 4, "refused"],
    ["a whole number with a point", '{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4, "refused"],
    ["a whole number with an exponent", '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4e0]}}', 4, "refused"],
    ["minus nothing", '{"a":{"dtype":"F32","shape":[1],"data_offsets":[-0,4]}}', 4, "refused"],
    ["three offsets", '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}', 4, "refused"],
    ["no elements", '{"a":{"dtype":"F32","shape":[0,3],"data_offsets":[0,0]}}', 0, "read"],
    [
      "no elements in two tensors at one offset",
      '{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}',
      0,
      "read",
    ],
    ["a scalar", '{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4, "read"],
    [
      "a product beyond 2^64 before a zero",
      `{"a":{"dtype":"F32","shape":[${2 ** 40},${2 ** 40},0],"data_offsets":[0,0]}}`,
      0,
      "refused",
    ],
    [
      "tensors in another order than their data",
      `{"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"a":{${one}}}`,
      8,
      "read",
    ],
    ["half a surrogate pair", `{"\\ud800":{${one}}}`, 4, "refused"],
    ["a pair of surrogates", `{"\\ud83d\\ude00":{${one}}}`, 4, "read"],
    [
      "nesting of 127 in a field that is not known",
      `{"a":{${one},"x":${"[".repeat(126)}${"]".repeat(126)}}}`,
      4,
      "read",
    ],
    ["nesting of 100,000", `{"a":{${one},"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`, 4, "refused"],
    [
      "a dtype nested without end",
      `{"a":{"dtype":${"[".repeat(100_000)}${"]".repeat(100_000)},"shape":[1],"data_offsets":[0,4]}}`,
      4,
      "refused",
    ],
    ["a name from the prototype", `{"__proto__":{${one}}}`, 4, "read"],
  ])("%s", (_what, header, data, verdict) => {
    const attempt = (): number => readSafetensors(file(header, data)).size;
    if (verdict === "read") expect(attempt).not.toThrow();
    else expect(attempt).toThrow(SafetensorsError);
  });

  test("two things are refused that it reads: space before the header, as the format has it, and extents beyond 2^53", () => {
    expect(() => readSafetensors(file(` {"a":{${one}}}`, 4))).toThrow(SafetensorsError);
    expect(() => readSafetensors(file(`{"a":{"dtype":"F32","shape":[0,${2 ** 60}],"data_offsets":[0,0]}}`))).toThrow(
      SafetensorsError,
    );
  });

  test("a message stays short, whatever the file says", () => {
    const header = `{"${"a".repeat(10_000)}":{"dtype":"${"F".repeat(10_000)}","shape":[],"data_offsets":[0,4]}}`;
    expect(() => readSafetensors(file(header, 4))).toThrow(/^.{20,300}$/);
  });
});
