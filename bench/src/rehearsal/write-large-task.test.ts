import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readDecathlon, readNifti, selectCases } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { expect, test } from "vitest";
import { caseDepths, realTasks, testDepths } from "./case-depths.js";
import { gzipFile, packBytes } from "./packed-slices.js";
import { drawnAt, shiftsOf, writeLargeTask } from "./write-large-task.js";

test.each(["liver", "vessel"] as const)(
  "%s: as many cases as the real task has, its ends, and the recipe's selection",
  (task) => {
    const { cases, slices, limit, kept } = realTasks[task];
    for (const seed of [0, 1]) {
      const depths = caseDepths(task, cases, seed);
      expect(depths).toHaveLength(cases);
      expect([Math.min(...depths), Math.max(...depths)]).toEqual(slices);
      expect(depths.filter((depth) => depth < limit)).toHaveLength(kept);
    }
    expect(caseDepths(task, cases, 1)).not.toEqual(caseDepths(task, cases, 0));
    expect(new Set(caseDepths(task, 4, 0))).toContain(slices[0]);
    expect(testDepths(task, 4, 0)).toContain(slices[1]);
  },
);

test("a scan goes through the drawn slices once, from its upper to its lower end", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1000 }), (depth) => {
      const places = drawnAt(depth, 0);
      expect(places).toHaveLength(depth);
      expect(places.every((place, z) => place >= (places[z - 1] ?? 0) && place < 12)).toBe(true);
      if (depth > 40) expect(new Set(places).size).toBe(12);
    }),
  );
});

test.each(["liver", "vessel"] as const)(
  "no two scans of %s have the same image, and all have every drawn slice",
  (task) => {
    for (const seed of [0, 1, 2]) {
      const { cases } = realTasks[task];
      const depths = [...caseDepths(task, cases, seed), ...testDepths(task, cases, seed)];
      const shifts = shiftsOf(depths);
      const images = depths.map((depth, at) => [at % 3, ...drawnAt(depth, shifts[at] ?? 0)]);
      expect(new Set(images.map(String)).size).toBe(depths.length);
      expect(images.every(([, ...places]) => new Set(places).size === 12)).toBe(true);
    }
  },
);

test("packed bytes can be put together in any order, and as often as wanted", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array(), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(), { maxLength: 9 }),
      (texts, order) => {
        const packed = texts.map(packBytes);
        const parts = order.flatMap((at) => packed[at % packed.length] ?? []);
        const file = Buffer.concat([...gzipFile(parts)]);
        expect(gunzipSync(file)).toEqual(Buffer.concat(parts.map(({ plain }) => plain)));
      },
    ),
  );
});

test("what is written is a task that the recipe selects from, with volumes that can be read", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lobule-large-"));
  try {
    const written = await writeLargeTask(folder, { task: "vessel", cases: 5, size: 8, seed: 3 });
    const task = await readDecathlon(nodeStorage, folder);
    const depths = caseDepths("vessel", 5, 3);
    expect(written).toMatchObject({ cases: 5, slices: depths.reduce((sum, depth) => sum + depth, 0) });
    const { cases } = await selectCases(nodeStorage, task, { maxSlices: 80 });
    expect(cases).toHaveLength(written.keptCases);
    const [first] = task.cases;
    const [image, label] = await Promise.all(
      [first?.image ?? "", first?.label ?? ""].map((path) => readNifti(nodeStorage, path)),
    );
    expect(image?.shape).toEqual([8, 8, depths[0]]);
    expect(label?.affine).toEqual(image?.affine);
    expect(new Set(label?.data)).toEqual(new Set([0, 1, 2]));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a scan that cannot be written is named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lobule-large-"));
  try {
    const scan = join(folder, "imagesTr", "vessel_002.nii.gz");
    await mkdir(join(scan, "a folder in its place"), { recursive: true });
    await expect(writeLargeTask(folder, { task: "vessel", cases: 4, size: 8, seed: 3 })).rejects.toThrow(
      `${scan} cannot be written: `,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
