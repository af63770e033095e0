import { readdir, rm, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import type { Storage } from "@lobule/data";
import { FolderLock } from "../lock/folder-lock.js";
import { makeGrowingFile } from "./growing-file.js";
import { identityOf } from "./identity.js";
import { machineMemory } from "./machine-memory.js";
import { makeFolder } from "./make-folder.js";
import { nodePacking } from "./node-packing.js";
import { nodeWorkers } from "./node-workers.js";
import { kindOf, openRegularFile } from "./open-file.js";
import { PartialFile, removeLeftOvers } from "./partial-file.js";

/** The machine's files, zlib, and worker threads. */
export const nodeStorage: Storage = {
  async stat(path) {
    const found = await stat(path, { bigint: true });
    const stamp = `${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
    return { kind: kindOf(found), size: Number(found.size), stamp };
  },
  list: (folder) => readdir(folder),
  open: openRegularFile,
  replace: (path, options) => PartialFile.create(path, options),
  append: makeGrowingFile,
  remove: (path) => rm(path, { force: true }),
  makeFolder: (path, options) => makeFolder(path, options?.private === true ? 0o700 : undefined),
  removeLeftOvers,
  absolute: (path) => resolve(path).replaceAll(sep, "/"),
  identity: identityOf,
  lock: (path, options) => FolderLock.take(path, options),
  packing: nodePacking,
  workers: nodeWorkers,
  memory: machineMemory(),
};
