import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { cacheFolder } from "./cache-folder.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-cache-"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

test("is made in XDG_CACHE_HOME, which need not be there, and is the user's own", async () => {
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
  expect(await cacheFolder()).toBe(join(folder, "cache", "lobule"));
  expect((await stat(join(folder, "cache", "lobule"))).mode & 0o777).toBe(0o700);
  expect(await cacheFolder()).toBe(join(folder, "cache", "lobule"));
});

test("is a temporary one where that cannot be made: a file is there, or the system refuses", {
  timeout: 5000,
}, async () => {
  await writeFile(join(folder, "lobule"), "");
  vi.stubEnv("TMPDIR", folder);
  for (const home of [folder, "/proc/lobule", join(folder, "lobule", "below")]) {
    vi.stubEnv("XDG_CACHE_HOME", home);
    expect(await cacheFolder()).toBe(join(folder, `lobule-${process.getuid?.() ?? 0}`));
  }
});
