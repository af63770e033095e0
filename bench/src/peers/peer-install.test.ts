import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { installPeers } from "./peer-install.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-install-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Something in npm's place. */
async function npm(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

test("npm is told not to run install scripts, and not to download what they would", async () => {
  const strict = `[ "$1 $2" = "ci --ignore-scripts" ] && [ "$ONNXRUNTIME_NODE_INSTALL" = skip ]`;
  expect(await installPeers(folder, await npm("strict", strict))).toBeUndefined();
});

test("why it failed is said in words", async () => {
  const offline = `echo "npm error code ENOTFOUND
npm error errno ENOTFOUND
npm error network request to https://example.org failed, reason: getaddrinfo ENOTFOUND" >&2; exit 1`;
  expect(await installPeers(folder, await npm("offline", offline))).toBe(
    "not installed, npm ci failed: network request to https://example.org failed, reason: getaddrinfo ENOTFOUND",
  );
  expect(await installPeers(folder, "/no/such/npm")).toBe("not installed, as npm cannot be run");
});
