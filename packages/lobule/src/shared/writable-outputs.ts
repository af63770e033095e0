import { stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FileWriteError, reason, tryFolder } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { camel, type Options } from "../command-line/command.js";
import type { PathUse } from "../command-line/option.js";
import { requireNoInput } from "./outputs.js";

/** The folder itself or the nearest one above it that is there. @throws FileWriteError where a file is in the way. */
async function nearestFolder(folder: string, name: string): Promise<string> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" && dirname(folder) !== folder) return undefined;
    throw new FileWriteError(`${name}: ${folder} cannot be opened: ${reason(error)}; name another`);
  });
  if (found === undefined) return nearestFolder(dirname(folder), name);
  if (found.isDirectory()) return folder;
  throw new FileWriteError(`${name}: ${folder} is a file, not a folder; name another`);
}

/** Bytes that a user may write into a folder that is there or can be made; undefined where the system does not say. */
export async function freeBytes(folder: string): Promise<number | undefined> {
  const found = await statfs(await nearestFolder(resolve(folder), folder)).catch(() => undefined);
  return found === undefined || found.blocks === 0 ? undefined : found.bavail * found.bsize;
}

/** Finds out whether a file can be made in a folder by making one; nothing of it stays. */
async function requireWritable(folder: string, name: string): Promise<void> {
  try {
    await tryFolder(nodeStorage, folder);
  } catch (error) {
    throw new FileWriteError(`${name}: nothing can be written into ${folder}: ${reason(error)}; name another`);
  }
  const free = await statfs(folder).catch(() => undefined);
  if (free !== undefined && free.blocks > 0 && free.bavail === 0) {
    throw new FileWriteError(`${name}: nothing can be written into ${folder}: the disk is full; free some space`);
  }
}

/**
 * Checks before a command begins that a path which it is to write can be written.
 * @throws FileWriteError naming the option and the reason.
 */
export async function requireOutput(path: string, use: Exclude<PathUse, "input">, name: string): Promise<void> {
  const whole = resolve(path);
  const there = await stat(whole).catch(() => undefined);
  if (use === "file") {
    if (there?.isDirectory()) throw new FileWriteError(`${name}: ${path} is a folder; name a file`);
    const folder = dirname(whole);
    const parent = await stat(folder).catch(() => undefined);
    if (parent === undefined) {
      throw new FileWriteError(`${name}: there is no folder ${dirname(path)}; make it, or name another file`);
    }
    return requireWritable(await nearestFolder(folder, name), name);
  }
  if (use === "folder" && there !== undefined && !there.isDirectory()) {
    throw new FileWriteError(`${name}: ${path} is a file; name a folder`);
  }
  const folder = there !== undefined && !there.isDirectory() ? dirname(whole) : whole;
  return requireWritable(await nearestFolder(folder, name), name);
}

/**
 * Checks before a command begins that what it is asked to write can be written and is nothing that it reads.
 * @param values of the options and positionals by their camel-case names.
 * @throws FileWriteError naming the option and the reason; DataError as requireNoInput.
 */
export async function requireOutputs(
  { options, positionals }: { readonly options: Options; readonly positionals: Options },
  values: Readonly<Record<string, unknown>>,
): Promise<void> {
  const all = [
    ...Object.entries(positionals).map(([name, option]) => [name, name.toUpperCase(), option] as const),
    ...Object.entries(options).map(([name, option]) => [name, `--${name}`, option] as const),
  ];
  const given = all.flatMap(([key, name, { path: use, placeholder = "" }]) => {
    const value: unknown = values[camel(key)];
    const paths: unknown[] = Array.isArray(value) ? value : [value];
    return use === undefined
      ? []
      : paths.flatMap((path) =>
          typeof path === "string"
            ? [{ name, use, path, what: placeholder === "DIR" ? "folder" : placeholder.toLowerCase() }]
            : [],
        );
  });
  await requireNoInput(
    given.flatMap(({ name, use, path }) => (use === "input" ? [] : [{ option: name, path }])),
    given.filter(({ use }) => use === "input"),
  );
  for (const { name, use, path } of given) if (use !== "input") await requireOutput(path, use, name);
}
