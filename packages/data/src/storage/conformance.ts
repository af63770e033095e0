import { FileReadError } from "../files/read-file.js";
import { errorCode } from "../files/system-error.js";
import { PackedDataError } from "./packing.js";
import { joinPath } from "./paths.js";
import { LockError, type Storage } from "./storage.js";

/** What every storage does. Throws an Error that says what was not so. */
export interface StorageCheck {
  readonly name: string;
  /** @param folder empty, and the check's own. */
  readonly run: (storage: Storage, folder: string) => Promise<void>;
}

/**
 * Checks of the interface, for tests of a storage in whatever runtime it is for: they need no framework. Each is to be
 * run in a folder of its own.
 */
export const storageChecks: readonly StorageCheck[] = [
  {
    name: "a replaced file has its name, its bytes and another stamp",
    run: async (storage, folder) => {
      const path = joinPath(folder, "file");
      await replace(storage, path, [1, 2], [3]);
      equal(await content(storage, path), [1, 2, 3], "the first content");
      const { kind, size, stamp } = await storage.stat(path);
      equal([kind, size], ["file", 3], "what the file is");
      equal((await storage.stat(path)).stamp, stamp, "the stamp of a file that was left alone");
      await replace(storage, path, [4, 5, 6]);
      equal(await content(storage, path), [4, 5, 6], "the second content");
      equal((await storage.stat(path)).stamp === stamp, false, "whether the stamp is the same");
      equal(await storage.list(folder), ["file"], "the folder");
    },
  },
  {
    name: "what is being written is not seen, and what is discarded leaves nothing",
    run: async (storage, folder) => {
      const path = joinPath(folder, "file");
      await replace(storage, path, [1]);
      const file = await storage.replace(path);
      await file.write(Uint8Array.of(2, 3));
      equal(await content(storage, path), [1], "the content while another is written");
      await file.discard();
      equal(await content(storage, path), [1], "the content after a discard");
      equal(await storage.list(folder), ["file"], "the folder");
      const other = await storage.replace(joinPath(folder, "other"));
      await other.write(Uint8Array.of(1));
      await other.discard();
      equal(await storage.list(folder), ["file"], "the folder after a discard");
    },
  },
  {
    name: "bytes may change once they are written, and a file that is open keeps its content",
    run: async (storage, folder) => {
      const path = joinPath(folder, "file");
      const bytes = Uint8Array.of(1, 2);
      const file = await storage.replace(path);
      await file.write(bytes);
      bytes.fill(9);
      await file.write(bytes);
      await file.commit();
      await file.discard();
      equal(await content(storage, path), [1, 2, 9, 9], "the content");
      const open = await storage.open(path);
      const into = new Uint8Array(4);
      equal(await open.read(into, 0), 4, "bytes read");
      equal([...into], [1, 2, 9, 9], "what was read");
      await open.close();
      await open.close();
    },
  },
  {
    name: "reads at any position, in one piece or several, up to the end",
    run: async (storage, folder) => {
      const path = joinPath(folder, "file");
      await replace(storage, path, [0, 1, 2, 3, 4, 5, 6, 7]);
      const file = await storage.open(path);
      equal(file.size, 8, "the size");
      const into = new Uint8Array(3);
      equal([await file.read(into, 2), ...into], [3, 2, 3, 4], "a read in the middle");
      equal([await file.read(into, 6), ...into.subarray(0, 2)], [2, 6, 7], "a read over the end");
      equal(await file.read(into, 8), 0, "a read at the end");
      const [a, b] = [new Uint8Array(2), new Uint8Array(3)];
      equal([await file.readParts([a, b], 1), ...a, ...b], [5, 1, 2, 3, 4, 5], "a read into parts");
      await file.close();
    },
  },
  {
    name: "a file grows, and two of a name are refused",
    run: async (storage, folder) => {
      const path = joinPath(folder, "log");
      const log = await storage.append(path);
      await log.add(Uint8Array.of(1));
      equal(await content(storage, path), [1], "the content while it grows");
      await log.add(Uint8Array.of(2, 3));
      await log.close();
      equal(await content(storage, path), [1, 2, 3], "the content");
      equal(await codeOf(storage.append(path)), "EEXIST", "the second of the name");
    },
  },
  {
    name: "folders are made with those above them, and told apart from files",
    run: async (storage, folder) => {
      const path = joinPath(folder, "a", "b");
      equal(await storage.makeFolder(path), joinPath(folder, "a"), "the uppermost that was made");
      equal(await storage.makeFolder(path), undefined, "the uppermost of none");
      equal((await storage.stat(path)).kind, "folder", "what it is");
      equal(await storage.list(joinPath(folder, "a")), ["b"], "what is in it");
      await replace(storage, joinPath(folder, "file"), [1]);
      equal(await codeOf(storage.makeFolder(joinPath(folder, "file"))), "ENOTDIR", "a folder in a file's place");
      equal(await codeOf(storage.replace(path)), "EISDIR", "a file in a folder's place");
      equal(await codeOf(storage.list(joinPath(folder, "file"))), "ENOTDIR", "a list of a file");
    },
  },
  {
    name: "what is not there is said by code, and removed without a word",
    run: async (storage, folder) => {
      const path = joinPath(folder, "none");
      equal(await codeOf(storage.stat(path)), "ENOENT", "stat");
      equal(await codeOf(storage.list(path)), "ENOENT", "list");
      equal(await codeOf(storage.replace(joinPath(path, "file"))), "ENOENT", "replace");
      const error = await failure(storage.open(path));
      equal(error instanceof FileReadError && error.missing, true, "whether open says that it is missing");
      equal((await failure(storage.open(folder))) instanceof FileReadError, true, "whether a folder can be read");
      await storage.remove(path);
      await replace(storage, path, [1]);
      await storage.remove(path);
      equal(await storage.list(folder), [], "the folder");
      await storage.removeLeftOvers(folder);
      await storage.removeLeftOvers(path);
    },
  },
  {
    name: "a path has one identity, however it is spelled",
    run: async (storage, folder) => {
      const path = joinPath(folder, "file");
      await replace(storage, path, [1]);
      const key = async (spelling: string) => (await storage.identity(spelling)).keys[0];
      equal(await key(`${folder}/.//file`), await key(path), "a path with a dot");
      equal((await key(joinPath(folder, "other"))) === (await key(path)), false, "whether two files are one");
      equal(storage.absolute(`${path}/..`), storage.absolute(folder), "the absolute path");
    },
  },
  {
    name: "a lock has one holder at a time",
    run: async (storage, folder) => {
      const path = joinPath(folder, "run.lock");
      const words = { doing: "trains a", unlock: "`unlock a`" };
      const lock = await storage.lock(path, words);
      await lock.check();
      equal((await failure(storage.lock(path, words))) instanceof LockError, true, "whether a second is refused");
      await lock.release();
      await (await storage.lock(path, words)).release();
    },
  },
  {
    name: "CRC-32 of a text, whole and in parts",
    run: async ({ packing }) => {
      const text = new TextEncoder().encode("123456789");
      equal(packing.crc32(text), 0xcbf43926, "the checksum");
      const parts = packing.crc32(text.subarray(4), packing.crc32(text.subarray(0, 4)));
      equal(parts, 0xcbf43926, "the checksum in parts");
      equal(packing.crc32(new Uint8Array()), 0, "the checksum of nothing");
    },
  },
  {
    name: "what is packed is unpacked, and the packed bytes are counted",
    run: async ({ packing }) => {
      const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >>> 9);
      const packed: number[] = [];
      const packer = packing.gzip(async (chunk) => {
        for (const byte of chunk) packed.push(byte);
      });
      const piece = bytes.slice(0, 100_000);
      await packer.write(piece);
      piece.fill(0);
      await packer.write(bytes.subarray(100_000));
      await packer.end();
      await packer.close();
      const deflated = Uint8Array.from(packed.slice(10));
      let given = 0;
      const inflation = packing.inflate(async () => {
        given += 1000;
        return deflated.subarray(given - 1000, given);
      });
      const unpacked = await readAll(inflation);
      equal(unpacked.length === bytes.length && unpacked.every((byte, i) => byte === bytes[i]), true, "the content");
      equal(inflation.consumed, deflated.length - 8, "packed bytes");
      for (const [what, cutOff, data] of [
        ["cut off", true, deflated.subarray(0, 500)],
        ["damaged", false, Uint8Array.of(6, 6, 6, 6)],
      ] as const) {
        let rest: Uint8Array = data;
        const broken = packing.inflate(async () => {
          const next = rest;
          rest = new Uint8Array();
          return next;
        });
        const error = await failure(readAll(broken));
        equal(error instanceof PackedDataError ? error.cutOff : error, cutOff, `whether data that are ${what} are`);
      }
    },
  },
];

async function replace(storage: Storage, path: string, ...pieces: readonly (readonly number[])[]): Promise<void> {
  const file = await storage.replace(path);
  for (const piece of pieces) await file.write(Uint8Array.from(piece));
  await file.commit();
}

async function content(storage: Storage, path: string): Promise<number[]> {
  const file = await storage.open(path);
  const bytes = new Uint8Array(file.size);
  await file.read(bytes, 0);
  await file.close();
  return [...bytes];
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<number[]> {
  const bytes: number[] = [];
  for await (const chunk of chunks) for (const byte of chunk) bytes.push(byte);
  return bytes;
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

const codeOf = async (work: Promise<unknown>): Promise<string | undefined> => errorCode(await failure(work));

function equal(found: unknown, expected: unknown, what: string): void {
  const [a, b] = [found, expected].map((value) => JSON.stringify(value) ?? String(value));
  if (a !== b) throw new Error(`${what}: expected ${b}, found ${a}`);
}
