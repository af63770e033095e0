import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { encodeHeader, writeNifti, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { encode } from "fast-png";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../index.js";

let root = "";
let task = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cli-data-"));
  task = join(root, "task");
  await writePhantom(nodeStorage, task, { seed: 0, cases: 2, testCases: 0, size: 8, slices: [4, 6] });
});
afterAll(() => rm(root, { recursive: true }));

interface Outcome {
  readonly output: string;
  readonly errors: string;
  readonly exitCode: number;
}

/** Runs a command line in this process and returns what it printed. */
async function lobule(...words: string[]): Promise<Outcome> {
  const output: string[] = [];
  const errors: string[] = [];
  vi.spyOn(console, "log").mockImplementation((text: string) => void output.push(text));
  vi.spyOn(console, "error").mockImplementation((text: string) => void errors.push(text));
  const before = process.exitCode;
  process.exitCode = 0;
  await main(words);
  const exitCode = Number(process.exitCode);
  process.exitCode = before;
  return { output: output.join("\n"), errors: errors.join("\n"), exitCode };
}
afterEach(() => vi.restoreAllMocks());

const widest = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));
const image = (): string => join(task, "imagesTr", "phantom_001.nii.gz");
const label = (): string => join(task, "labelsTr", "phantom_001.nii.gz");

describe("lobule data from-images", () => {
  it("makes a training set that data verify calls sound, and replaces none", async () => {
    const pixels = { width: 4, height: 4, channels: 1 } as const;
    for (const folder of ["images", "masks"]) await mkdir(join(root, "cells", folder), { recursive: true });
    const image = encode({ ...pixels, data: Uint8Array.from({ length: 16 }, (_, i) => 15 * i) });
    const mask = encode({ ...pixels, data: Uint8Array.from({ length: 16 }, (_, i) => (i > 9 ? 255 : 0)) });
    await writeFile(join(root, "cells", "images", "a.png"), image);
    await writeFile(join(root, "cells", "masks", "a.png"), mask);
    const words = ["data", "from-images", join(root, "cells"), "-o", join(root, "cells-task")];
    const { output, exitCode } = await lobule(...words, "--labels", "background", "cell");
    expect(exitCode).toBe(0);
    expect(output).toContain("cells-task: 1 case; 0 background, 255 cell");
    expect((await lobule("data", "verify", join(root, "cells-task"))).exitCode).toBe(0);
    expect((await lobule(...words)).errors).toMatch(
      /^lobule: .*cells-task holds files already; name a new folder with -o$/,
    );
  });
});

describe("lobule data info", () => {
  it("shows what a volume holds", async () => {
    const { output, exitCode } = await lobule("data", "info", image(), label());
    expect(exitCode).toBe(0);
    for (const name of ["shape", "spacing", "orientation", "affine", "datatype", "intensity"])
      expect(output.match(new RegExp(`^ {2}${name} `, "gm"))).toHaveLength(2);
    expect(output).toContain("RAS");
    expect(output).toContain("int16");
    expect(output).toContain("uint8");
    // Of the two only the label map holds few values.
    expect(output.match(/^ {2}labels/gm)).toHaveLength(1);
    expect(output).toMatch(/^ {2}labels +0 +[\d,]+ voxels +\d+\.\d\d % +\d+\.\d\d ml$/m);
    expect(widest(output.replaceAll(root, ""))).toBeLessThanOrEqual(80);
  });

  it("prints the same for machines, and label counts that add up", async () => {
    const { output } = await lobule("data", "info", "--json", label());
    const [description] = JSON.parse(output);
    expect(description.file).toBe(label());
    expect(description.shape.slice(0, 2)).toEqual([8, 8]);
    expect(description.orientation).toBe("RAS");
    const voxels = description.labels.reduce((sum: number, each: { voxels: number }) => sum + each.voxels, 0);
    expect(voxels).toBe(description.shape[0] * description.shape[1] * description.shape[2]);
    expect(description.intensity.minimum).toBe(0);
  });

  it("shows where most values are beside a few that are far away", async () => {
    const file = join(root, "outlier.nii");
    const data = Float32Array.from({ length: 1000 }, (_, i) => (i === 500 ? 1.15e6 : i === 501 ? -4e4 : i / 10));
    const affine = [[1, 0, 0, 0] as const, [0, 1, 0, 0] as const, [0, 0, 1, 0] as const] as const;
    await writeNifti(nodeStorage, file, { shape: [10, 10, 10], spacing: [1, 1, 1], affine, data });
    const { output } = await lobule("data", "info", file);
    expect(output).toMatch(/^ {2}intensity +-40000 to 1150000, mean .*\n +99 % of the voxels from 0\.3 to 99\.6$/m);
    const [description] = JSON.parse((await lobule("data", "info", "--json", file)).output);
    expect(description.intensity.middle99.map(Math.fround)).toEqual([0.3, 99.6].map(Math.fround));
  });

  it("measures a scan with tilted gantry by its affine, and names the tilt", async () => {
    const angle = (20 * Math.PI) / 180;
    const file = join(root, "tilted.nii");
    const data = Uint8Array.from({ length: 1000 }, (_, i) => (i < 250 ? 1 : 0));
    const [y, z] = [Math.sin(angle), Math.cos(angle)].map((part) => 2.5 * part) as [number, number];
    const affine = [[0.8, 0, 0, 0] as const, [0, 0.8, y, 0] as const, [0, 0, z, 0] as const] as const;
    await writeNifti(nodeStorage, file, { shape: [10, 10, 10], spacing: [0.8, 0.8, 2.5], affine, data });
    const [description] = JSON.parse((await lobule("data", "info", "--json", file)).output);
    expect(description.voxelMm3).toBeCloseTo(1.6 * Math.cos(angle), 6);
    expect(description.labels[1].millilitres).toBeCloseTo(0.4 * Math.cos(angle), 6);
    expect([description.obliqueDegrees, description.shearDegrees]).toEqual([
      expect.closeTo(20, 4),
      expect.closeTo(20, 4),
    ]);
    const { output } = await lobule("data", "info", file);
    expect(output.replaceAll(/\s+/g, " ")).toContain(
      "oblique by 20.0°, sheared by 20.0° (its axes are not at right angles)",
    );
    expect(widest(output.replaceAll(root, ""))).toBeLessThanOrEqual(80);
    expect((await lobule("data", "info", image())).output).not.toContain("oblique");
  });

  it("shows the values of each channel of a file of four axes", async () => {
    const file = join(root, "channels.nii");
    const affine = [[1, 0, 0, 0] as const, [0, 1, 0, 0] as const, [0, 0, 1, 0] as const] as const;
    const header = Buffer.from(encodeHeader({ shape: [4, 3, 2], spacing: [1, 1, 1], affine }, "int16", undefined));
    header.writeInt16LE(4, 40);
    header.writeInt16LE(2, 48);
    const voxels = Int16Array.from({ length: 48 }, (_, i) => (i < 24 ? i : 1000 + i));
    await writeFile(file, Buffer.concat([header, Buffer.from(voxels.buffer)]));
    const { output, exitCode } = await lobule("data", "info", file);
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^ {2}shape +4 × 3 × 2$/m);
    expect(output).toMatch(/^ {2}channels +2$/m);
    expect(output).toMatch(/^ {2}channel 0 +0 to 23, mean 11\.5\n +99 % of the voxels from 0 to 23$/m);
    expect(output).toMatch(/^ {2}channel 1 +1024 to 1047, mean 1035\.5/m);
    const [description] = JSON.parse((await lobule("data", "info", "--json", file)).output);
    expect(description.channels.map(({ maximum }: { maximum: number }) => maximum)).toEqual([23, 1047]);
    expect(description.intensity).toBeUndefined();
  });

  it("continues after a file that cannot be read, and exits with 1", async () => {
    const missing = join(root, "missing.nii.gz");
    const { output, exitCode } = await lobule("data", "info", missing, label());
    expect(exitCode).toBe(1);
    expect(output).toContain("missing.nii.gz");
    expect(output).toContain("uint8");
    expect(output).not.toContain("    at ");
    const [first, second] = JSON.parse((await lobule("data", "info", "--json", missing, label())).output);
    expect(first.error).toContain("missing.nii.gz");
    expect(second.error).toBeUndefined();
  });
});

describe("notes on files that are odd and can be read", () => {
  /** A copy of a file with bytes in its place or behind it. */
  async function changed(from: string, to: string, change: (bytes: Buffer) => Buffer): Promise<void> {
    await writeFile(to, change(await readFile(from)));
  }
  const behind = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.from("copied by hand")]);
  const sentence = "behind its gzip data there are 14 bytes of something else that are not used";

  it("info shows them", async () => {
    const file = join(root, "behind.nii.gz");
    await changed(image(), file, behind);
    const { output, exitCode } = await lobule("data", "info", file);
    expect(exitCode).toBe(0);
    expect(output.replaceAll(/\s+/g, " ")).toContain(`note: ${sentence}`);
    expect(JSON.parse((await lobule("data", "info", "--json", file)).output)[0].notes).toEqual([sentence]);
  });

  it("verify shows them with the name of the file, and the case is sound", async () => {
    const directory = join(root, "odd");
    await cp(task, directory, { recursive: true });
    await changed(image(), join(directory, "imagesTr", "phantom_001.nii.gz"), (bytes) => {
      const plain = gunzipSync(bytes);
      plain.writeFloatLE(0, 84);
      return behind(gzipSync(plain));
    });
    const { output, exitCode } = await lobule("data", "verify", directory);
    expect(exitCode).toBe(0);
    expect(output.replaceAll(/\s+/g, " ")).toContain(`note: imagesTr/phantom_001.nii.gz: ${sentence}`);
    expect(output).toContain("note: imagesTr/phantom_001.nii.gz: its pixdim is");
    expect(widest(output)).toBeLessThanOrEqual(80);
    const { cases } = JSON.parse((await lobule("data", "verify", "--json", directory)).output);
    expect(cases[0].notes).toHaveLength(2);
    expect(cases[1].notes).toEqual([]);
  });
});

describe("lobule data verify", () => {
  it("ends with 0 and a line for each case of a sound task", async () => {
    const { output, exitCode } = await lobule("data", "verify", task);
    expect(exitCode).toBe(0);
    expect(output).toMatch(/^phantom_001 +8×8×\d .* ok$/m);
    expect(output).toContain("2 cases: all sound.");
    expect(widest(output)).toBeLessThanOrEqual(80);
  });

  it("says what is likely wrong with all cases once", async () => {
    const twoChannels = join(root, "two-channels");
    await cp(task, twoChannels, { recursive: true });
    const json = join(twoChannels, "dataset.json");
    await writeFile(
      json,
      JSON.stringify({ ...JSON.parse(await readFile(json, "utf8")), modality: { 0: "CT", 1: "PET" } }),
    );
    const { output, exitCode } = await lobule("data", "verify", twoChannels);
    expect(exitCode).toBe(1);
    expect(output.match(/holds one channel/g)).toHaveLength(2);
    expect(output.match(/^Give one file with all of them/gm)).toHaveLength(1);
    expect(widest(output)).toBeLessThanOrEqual(80);
  });

  it("ends with 1 and names what is wrong", async () => {
    const broken = join(root, "broken");
    await cp(task, broken, { recursive: true });
    await rm(join(broken, "labelsTr", "phantom_002.nii.gz"));
    const { output, exitCode } = await lobule("data", "verify", broken);
    expect(exitCode).toBe(1);
    expect(output).toMatch(/^phantom_001 .* ok$/m);
    expect(output).toMatch(/^phantom_002 .* BAD$/m);
    expect(output).toContain("labelsTr/phantom_002.nii.gz");
    expect(output).toContain("1 of 2 cases BAD.");
    expect(widest(output)).toBeLessThanOrEqual(80);
    const json = await lobule("data", "verify", "--json", broken);
    expect(json.exitCode).toBe(1);
    const { passed, cases } = JSON.parse(json.output);
    expect(passed).toBe(false);
    expect(cases[1].problems).toHaveLength(1);
  });

  it("ends with one sentence if there is no task", async () => {
    await writeFile(join(root, "dataset.json"), "{");
    for (const directory of [root, join(root, "nowhere"), image()]) {
      const { output, errors, exitCode } = await lobule("data", "verify", directory);
      expect(exitCode).toBe(1);
      expect(output).toBe("");
      expect(errors).toMatch(/^lobule: .+$/);
      expect(errors).toContain(directory);
    }
  });
});

describe("lobule phantom", () => {
  it("writes a task that verify finds sound", async () => {
    const directory = join(root, "made");
    const words = ["phantom", directory, "--cases", "1", "--size", "8", "--seed", "5", "--task", "vessel"];
    const { output, exitCode } = await lobule(...words);
    expect(exitCode).toBe(0);
    expect(output).toContain("1 labeled case with ");
    expect((await lobule("data", "verify", directory)).output).toContain("1 case: all sound.");
    expect((await lobule(...words)).errors).toContain("holds a phantom already");
    expect(JSON.parse((await lobule(...words, "--force", "--json")).output)).toMatchObject({
      directory,
      cases: 1,
      testCases: 1,
    });
  });

  it("refuses a folder that holds something else, unless forced", async () => {
    const folder = join(root, "notes");
    await mkdir(folder);
    await writeFile(join(folder, "notes.txt"), "mine");
    const words = ["phantom", folder, "--cases", "1", "--size", "8"];
    const { errors, exitCode } = await lobule(...words);
    expect(exitCode).toBe(1);
    expect(errors).toContain(`${folder} holds other files and no phantom`);
    expect((await lobule(...words, "--force")).exitCode).toBe(0);
  });

  it.each([
    [["--cases", "0"], "--cases needs a whole number from 1 up to 999, got '0'"],
    [["--cases", "many"], "--cases needs a whole number from 1 up to 999, got 'many'"],
    [["--size", "4"], "--size needs a whole number from 8 up to 1024, got '4'"],
    [["--task", "brain"], "--task is one of liver, vessel, got 'brain'"],
  ])("refuses %j with one sentence", async (wrong, message) => {
    const { errors, exitCode } = await lobule("phantom", join(root, "never"), ...wrong);
    expect(exitCode).toBe(1);
    expect(errors).toContain(message);
  });
});
