import { readdir } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { basename, join, relative, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { DataError, readNiftiHeader, reason, type Storage } from "@lobule/data";
import { RunFolder } from "@lobule/train";
import { runLockPath } from "../train/run-lock.js";
import { type Answer, sameText } from "./page-server.js";

/** What the page is opened with: a run folder, or a scan. */
export interface Given {
  readonly kind: "run" | "scan";
  /** The name of its folder or file. */
  readonly name: string;
  readonly files: readonly GivenFile[];
}

interface GivenFile {
  /** On this machine. */
  readonly source: string;
  /** Below the run's folder, such as "checkpoints/best.safetensors". */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Looks at what the page is to be opened with.
 * @throws DataError, RunError where it is neither a run folder nor a scan.
 */
export async function lookAtGiven(storage: Storage, path: string): Promise<Given> {
  const { kind, size } = await storage.stat(path).catch((error: unknown) => {
    throw new DataError(`${path}: ${reason(error)}; name a run folder or a scan (.nii, .nii.gz)`);
  });
  const name = basename(resolve(path));
  if (kind === "folder") {
    await RunFolder.open(storage, path);
    return { kind: "run", name, files: await filesOfRun(storage, path) };
  }
  if (!/\.nii(\.gz)?$/i.test(name))
    throw new DataError(`${path} is neither a run folder nor a scan; name one, or a file that ends in .nii or .nii.gz`);
  await readNiftiHeader(storage, path);
  return { kind: "scan", name, files: [{ source: path, path: name, size }] };
}

/** All of a run but its lock. Links are not followed, so that nothing from elsewhere is read. */
async function filesOfRun(storage: Storage, folder: string): Promise<GivenFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sources = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((source) => !source.startsWith(runLockPath(folder)));
  return Promise.all(
    sources.sort().map(async (source) => ({
      source,
      path: relative(folder, source).replaceAll(sep, "/"),
      size: (await storage.stat(source)).size,
    })),
  );
}

/**
 * Gives the page what it is opened with, to whoever knows the token: `given/TOKEN/files.json` lists it, and
 * `given/TOKEN/2` is the third file of the list. No path comes from a request.
 */
export function answerGiven(storage: Storage, { kind, name, files }: Given, token: string): Answer {
  const list = JSON.stringify({ kind, name, files: files.map(({ path, size }) => ({ path, size })) });
  return (path, response) => {
    const [first, second = "", third = "", ...rest] = path.split("/");
    if (first !== "given" || rest.length > 0 || !sameText(second, token)) return false;
    response.setHeader("cache-control", "no-store");
    if (third === "files.json") {
      response.setHeader("content-type", "application/json");
      response.end(list);
      return true;
    }
    const file = /^\d{1,6}$/.test(third) ? files[Number(third)] : undefined;
    if (file === undefined) return false;
    void send(storage, file.source, response);
    return true;
  };
}

/** Bytes that are read at a time. */
const part = 2 ** 20;

/** Sends a file as it is now. A reader that goes away ends it; a file that cannot be read breaks the answer off. */
async function send(storage: Storage, path: string, response: ServerResponse): Promise<void> {
  try {
    const file = await storage.open(path);
    try {
      response.setHeader("content-type", "application/octet-stream");
      response.setHeader("content-length", file.size);
      await pipeline(Readable.from(partsOf(file)), response);
    } finally {
      await file.close();
    }
  } catch {
    response.destroy();
  }
}

async function* partsOf(file: Awaited<ReturnType<Storage["open"]>>): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < file.size; position += part) {
    const bytes = new Uint8Array(Math.min(part, file.size - position));
    const count = await file.read(bytes, position);
    if (count < bytes.length) throw new DataError("the file has become shorter");
    yield bytes;
  }
}
