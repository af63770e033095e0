import { afterEach, expect, test } from "vitest";
import { UnpackThread, type UnpackThreadOptions } from "./unpack-thread.js";

/** Gives each file back; one that begins with 1 has no end, one that begins with 2 ends the thread. */
const script = `
  import { parentPort } from "node:worker_threads";
  parentPort.on("message", (file) => {
    while (file[0] === 1);
    if (file[0] === 2) process.exit();
    parentPort.postMessage(file[0] === 3 ? { kind: "failed", message: "invalid code" } : { kind: "done", file });
  });`;
const worker = new URL(`data:text/javascript,${encodeURIComponent(script)}`);

let thread: UnpackThread | undefined;
const threadOf = (options: UnpackThreadOptions): UnpackThread => {
  thread = new UnpackThread({ worker, ...options });
  return thread;
};
afterEach(() => thread?.end());

test("a file without an end is given up after the deadline, and the next one is unpacked", async () => {
  const short = threadOf({ seconds: 2 });
  for (const file of [Uint8Array.of(7, 8), Uint8Array.of(6)]) expect(await short.unpack(file)).toEqual(file);
  await expect(short.unpack(Uint8Array.of(1))).rejects.toThrow("they had no end after 2 s");
  expect(await short.unpack(Uint8Array.of(9))).toEqual(Uint8Array.of(9));
});

test("what the codecs say is told, and the end of the thread", async () => {
  const own = threadOf({});
  await expect(own.unpack(Uint8Array.of(3))).rejects.toThrow("invalid code");
  await expect(own.unpack(Uint8Array.of(2))).rejects.toThrow("the thread that unpacks them ended");
  expect(await own.unpack(Uint8Array.of(5))).toEqual(Uint8Array.of(5));
});

test("a signal ends it at once", async () => {
  const stop = new AbortController();
  const own = threadOf({ signal: stop.signal });
  await own.unpack(Uint8Array.of(0));
  const unpacking = own.unpack(Uint8Array.of(1));
  stop.abort(new Error("stopped"));
  await expect(unpacking).rejects.toThrow("stopped");
});
