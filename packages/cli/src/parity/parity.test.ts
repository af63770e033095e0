import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openGpu } from "@lobule/node-gpu";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runParity } from "./run-parity.js";

const fixtures = fileURLToPath(new URL("../../fixtures", import.meta.url));

describe("parity with PyTorch", () => {
  let device: Device;
  const folders: string[] = [];
  const copyOfFixtures = (): string => {
    const folder = mkdtempSync(join(tmpdir(), "lobule-parity-"));
    folders.push(folder);
    cpSync(fixtures, folder, { recursive: true });
    return folder;
  };
  const missesOf = async (folder: string, filter: string): Promise<string[]> =>
    (await runParity(device, folder, { filter })).filter(({ ok }) => !ok).map(({ fixture }) => fixture);

  beforeAll(async () => {
    device = await Device.open(await openGpu());
  });
  afterAll(() => {
    device.destroy();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  test.each(["ops/", "net_F2_32", "schedulers", "metrics"])(
    "%s",
    async (filter) => {
      expect(await missesOf(fixtures, filter)).toEqual([]);
    },
    600_000,
  );

  test("without fusion the network still agrees", async () => {
    const checks = await runParity(device, fixtures, { filter: "net_F2_32", fusion: false });
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  }, 600_000);

  test.each(["ops/conv1x1.safetensors", "net_F2_32/weights.safetensors", "net_F2_32/grads.safetensors"])(
    "a changed number in %s is found",
    async (file) => {
      const folder = copyOfFixtures();
      const path = join(folder, file);
      const bytes = readFileSync(path);
      const header = Number(bytes.readBigUInt64LE(0));
      const at = 8 + header + 4 * 10;
      bytes.writeFloatLE(bytes.readFloatLE(at) * 1.01 + 0.01, at);
      writeFileSync(path, bytes);
      expect(await missesOf(folder, file.startsWith("ops") ? "ops/conv1x1" : "net_F2_32")).not.toEqual([]);
    },
    600_000,
  );

  test("a changed digit in the schedules is found", async () => {
    const folder = copyOfFixtures();
    const path = join(folder, "schedulers.json");
    writeFileSync(path, readFileSync(path, "utf8").replace("0.0005", "0.0006"));
    expect(await missesOf(folder, "schedulers")).not.toEqual([]);
  });

  test("a missing folder and one without fixtures are named", async () => {
    await expect(runParity(device, "/nowhere")).rejects.toThrow("there is no folder '/nowhere'");
    const empty = mkdtempSync(join(tmpdir(), "lobule-parity-"));
    folders.push(empty);
    await expect(runParity(device, empty)).rejects.toThrow("holds no fixtures");
  });
});
