import { DataError } from "@lobule/data";
import { afterEach, expect, test } from "vitest";
import { DicomThread, type DicomThreadOptions } from "./dicom-thread.js";

/** Is ready after half a second, and gives each file back as pixels; one that begins with 1 has no end, with 2 ends the thread, with 4 fills its memory. */
const script = `
  import { parentPort } from "node:worker_threads";
  await new Promise((done) => setTimeout(done, 500));
  parentPort.postMessage("ready");
  parentPort.on("message", ({ bytes }) => {
    while (bytes[0] === 1);
    if (bytes[0] === 2) process.exit();
    if (bytes[0] === 4) throw new Error("out of memory");
    parentPort.postMessage(
      bytes[0] === 3
        ? { kind: "failed", message: "a.dcm is damaged" }
        : { kind: "done", parsed: { attributes: {}, pixels: bytes } },
    );
  });`;
const worker = new URL(`data:text/javascript,${encodeURIComponent(script)}`);

let thread: DicomThread | undefined;
const threadOf = (options: DicomThreadOptions): DicomThread => {
  thread = new DicomThread({ worker, ...options });
  return thread;
};
afterEach(() => thread?.end());

const file = (...bytes: readonly number[]) => ({ path: "a.dcm", bytes: Uint8Array.from(bytes) });
const parsed = (...bytes: readonly number[]) => ({ attributes: {}, pixels: Uint8Array.from(bytes) });

test("a file without an end is given up after the deadline, and the next one is read", async () => {
  const short = threadOf({ seconds: 2 });
  expect(await short.parse(file(7, 8))).toEqual(parsed(7, 8));
  expect(await short.parse(file(6))).toEqual(parsed(6));
  await expect(short.parse(file(1))).rejects.toThrow(
    new DataError("a.dcm is damaged: reading it had no end after 2 s; copy it again"),
  );
  expect(await short.parse(file(9))).toEqual(parsed(9));
});

test("the time that the thread takes to start is not the file's", async () => {
  expect(await threadOf({ seconds: 0.3 }).parse(file(7))).toEqual(parsed(7));
});

test("what is wrong with a file is told, and with the thread", async () => {
  const own = threadOf({});
  await expect(own.parse(file(3))).rejects.toThrow(new DataError("a.dcm is damaged"));
  await expect(own.parse(file(2))).rejects.toThrow("a.dcm cannot be read (the thread that reads it ended)");
  await expect(own.parse(file(4))).rejects.toThrow("a.dcm cannot be read (out of memory); copy it again");
  expect(await own.parse(file(5))).toEqual(parsed(5));
});

test("the caller's bytes stay its own", async () => {
  // As Node reads small files: a part of an array that others share, whose own slice() copies nothing.
  const whole = Buffer.from([5, 6, 7]);
  expect(await threadOf({}).parse({ path: "a.dcm", bytes: whole.subarray(1) })).toEqual(parsed(6, 7));
  expect([...whole]).toEqual([5, 6, 7]);
});

test("a thread that cannot start is told", async () => {
  const own = threadOf({ worker: new URL("data:text/javascript,throw new Error('no module')") });
  await expect(own.parse(file(7))).rejects.toThrow("a.dcm cannot be read (no module); copy it again");
});

test("a signal ends it at once", async () => {
  const stop = new AbortController();
  const own = threadOf({ signal: stop.signal });
  await own.parse(file(0));
  const parsing = own.parse(file(1));
  stop.abort(new Error("stopped"));
  await expect(parsing).rejects.toThrow("stopped");
});
