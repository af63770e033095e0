import { joinPath, readText, type Storage, storageChecks, writeFileAtomically } from "@lobule/data";
import { openStorage } from "@lobule/web";
import { answerCalls } from "./answer-calls.js";

const opened: Promise<Storage> = openStorage();

answerCalls({
  checks: () => storageChecks.map(({ name }) => name),
  check: async (name: string) => {
    const storage = await opened;
    const folder = `/checks/${crypto.randomUUID()}`;
    await storage.makeFolder(folder);
    await storageChecks.find((each) => each.name === name)?.run(storage, folder);
  },
  /** Begins a file and a lock, and ends neither. */
  begin: async (folder: string) => {
    const storage = await opened;
    await storage.makeFolder(folder);
    await storage.lock(joinPath(folder, "run.lock"), { doing: "trains", unlock: "" });
    await (await storage.replace(joinPath(folder, "file"))).write(new Uint8Array(100_000));
  },
  lock: async (folder: string) => {
    await (await opened).lock(joinPath(folder, "run.lock"), { doing: `trains ${folder}`, unlock: "" });
  },
  list: async (folder: string) => (await opened).list(folder),
  write: async (path: string, text: string) => writeFileAtomically(await opened, path, text),
  read: async (path: string) => readText(await opened, path, "record"),
  /** Milliseconds to read 32 slices of 512 × 512 with labels from a file of 60. */
  time: async () => {
    const storage = await opened;
    await storage.makeFolder("/time");
    const slice = 512 * 512 * 3;
    const file = await storage.replace("/time/slices");
    for (let i = 0; i < 60; i++) await file.write(new Uint8Array(slice).fill(i));
    await file.commit();
    const open = await storage.open("/time/slices");
    const into = Array.from({ length: 32 }, () => new Uint8Array(slice));
    const start = performance.now();
    for (const [i, bytes] of into.entries()) {
      await open.read(bytes, i * slice);
      storage.packing.crc32(bytes);
    }
    return performance.now() - start;
  },
});
