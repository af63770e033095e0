import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { onTestFinished } from "vitest";
import type { CaseFiles } from "../cache-entry.js";
import { SliceCache, type SliceCacheOptions } from "../slice-cache.js";

/** A folder that is there until the test has ended. */
export async function testFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "lobule-cache-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A cache in such a folder of cases of three classes and one channel, closed when the test has ended. */
export async function openCache(
  where: string,
  cases: readonly CaseFiles[],
  options: Partial<SliceCacheOptions> = {},
): Promise<SliceCache> {
  const cache = await SliceCache.open(nodeStorage, cases, {
    directory: join(where, "cache"),
    classes: 3,
    channels: 1,
    workers: 0,
    ...options,
  });
  onTestFinished(() => cache.close());
  return cache;
}
