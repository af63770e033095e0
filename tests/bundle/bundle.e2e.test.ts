import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSeries } from "../../packages/dicom/src/testing/write-series.js";

const run = promisify(execFile);
const tool = fileURLToPath(new URL("../../tools/bundle.mjs", import.meta.url));

// The archive is for Linux on x64 only, and made there.
describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("the bundle", () => {
  let root: string;
  let folder: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "lobule-bundle-"));
    await run(process.execPath, [tool, root]);
    const archive = (await readdir(root)).find((each) => each.endsWith(".tar.gz")) ?? "";
    expect((await stat(join(root, archive))).size).toBeLessThan(60e6);
    await run("tar", ["xzf", join(root, archive), "-C", await mkdtemp(join(root, "unpacked-"))]);
    const unpacked = join(root, (await readdir(root)).find((each) => each.startsWith("unpacked-")) ?? "");
    folder = join(unpacked, (await readdir(unpacked))[0] ?? "");
  }, 120_000);
  afterAll(() => rm(root, { recursive: true, force: true }));

  /** Runs the unpacked command where neither Node nor this repository can be found. */
  const lobule = (...words: string[]) => start("lobule", words);
  const start = (program: string, words: readonly string[]) => {
    // The home folder keeps the driver's compiled kernels.
    const { HOME = root } = process.env;
    const env = { PATH: "/usr/bin:/bin", HOME, LOBULE_ADAPTER: process.env.LOBULE_ADAPTER ?? "auto" };
    return run(join(folder, program), words, { env, cwd: folder });
  };

  test("knows its version, its adapter, and computes rightly on it", async () => {
    expect((await lobule("--version")).stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    const found = JSON.parse((await lobule("doctor", "--json")).stdout) as { selfTest: { passed: boolean }[] };
    expect(found.selfTest.length).toBeGreaterThan(0);
    expect(found.selfTest.every(({ passed }) => passed)).toBe(true);
    const { stdout } = await lobule("parity", "fixtures", "--filter", "ops/maxpool");
    expect(stdout).toMatch(/all \d+ checks .* are within their limits/);
  }, 120_000);

  test("times itself by one script, and says which peers are missing and why", async () => {
    const words = [
      "--small",
      "--only",
      "kernels,peers-8-f32,volume",
      "--python",
      "/no/such/python",
      "--out",
      "results",
    ];
    await start("gpu.sh", words);
    const text = await readFile(join(folder, "results/results.md"), "utf8");
    expect(text).toMatch(/^\| all dispatches +\| [\d.]+ ms/m);
    expect(text).toContain("training step");
    expect(text).toMatch(/^\| Lobule +\| [\d.,]+ ms.*\| [\d.,]+ ms/m);
    expect(text).toContain("- not run: PyTorch eager: /no/such/python cannot be run; name another with --python");
    expect(text).toMatch(/Inference of a volume of 32×32×4\n[^#]*slices\/s/);
  }, 300_000);

  test("decodes, trains and segments", async () => {
    await lobule("phantom", "data", "--cases", "3", "--size", "16", "--slices", "3", "4");
    const words = ["--size", "16", "--base-features", "1", "--batch", "4", "--epochs", "1"];
    await lobule("train", "--data", "data", "--out", "run", ...words);
    await lobule("segment", "data/imagesTs", "-m", "run", "-o", "labels");
    expect(await readdir(join(folder, "labels"))).toContain("phantom_004.nii.gz");
  }, 300_000);

  test("reads compressed DICOM", async () => {
    await writeSeries(join(folder, "series"), { syntax: "1.2.840.10008.1.2.4.90" });
    const { stdout, stderr } = await lobule("data", "convert", "series", "-o", "scan.nii.gz");
    expect(stderr).toBe("");
    expect(stdout).toBe("scan.nii.gz: 6×5×4 voxels of 0.5×0.75×2.5 mm\n");
    expect(await readFile(join(folder, "THIRD-PARTY-LICENSES"), "utf8")).toContain("OpenJPEG");
  }, 60_000);
});
