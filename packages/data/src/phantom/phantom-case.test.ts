import { describe, expect, it } from "vitest";
import { type PhantomCase, type PhantomCaseOptions, phantomCase } from "./phantom-case.js";

const options: PhantomCaseOptions = { seed: 1, caseNumber: 0, size: 32, slices: [10, 14], task: "liver" };

/** The intensity below which a share of the voxels with a label lies. */
function quantile(image: PhantomCase["image"], label: PhantomCase["label"], value: number, share: number): number {
  const values = [...image.data].filter((_, at) => label.data[at] === value).sort((a, b) => a - b);
  return values[Math.floor(share * values.length)] ?? NaN;
}

const count = (label: PhantomCase["label"], value: number): number =>
  label.data.reduce((sum, each) => sum + (each === value ? 1 : 0), 0);

describe("phantomCase", () => {
  it("gives the same volumes for the same options, and others for another seed or case", () => {
    const small = { ...options, size: 16 };
    const { image } = phantomCase(small);
    expect(phantomCase(small)).toEqual(phantomCase(small));
    expect(phantomCase({ ...small, seed: 2 }).image.data).not.toEqual(image.data);
    expect(phantomCase({ ...small, caseNumber: 4 }).image.data).not.toEqual(image.data);
  });

  it("has image and label map on one grid, with the affine's columns as long as the spacing", () => {
    for (const caseNumber of [0, 1, 2, 3]) {
      const { image, label } = phantomCase({ ...options, caseNumber });
      const { shape, spacing, affine } = image;
      expect({ shape: label.shape, spacing: label.spacing, affine: label.affine }).toEqual({ shape, spacing, affine });
      expect(image.data).toHaveLength(shape[0] * shape[1] * shape[2]);
      expect(label.data).toHaveLength(image.data.length);
      for (const axis of [0, 1, 2] as const)
        expect(Math.hypot(...affine.map((row) => row[axis]))).toBeCloseTo(spacing[axis], 12);
    }
  });

  it("runs its axes in four directions and varies depth and spacing", () => {
    const all = Array.from({ length: 8 }, (_, caseNumber) => phantomCase({ ...options, size: 8, caseNumber }).image);
    const signs = all.map(({ affine: [x, y, z] }) => [x[0], y[1], z[2]].map(Math.sign).join(" "));
    expect(new Set(signs)).toEqual(new Set(["1 1 1", "-1 -1 1", "-1 1 1", "1 -1 -1"]));
    expect(new Set(all.map(({ shape }) => shape[2])).size).toBeGreaterThan(2);
    expect(new Set(all.map(({ spacing }) => spacing[2])).size).toBe(8);
    for (const { shape } of all) {
      expect(shape[2]).toBeGreaterThanOrEqual(10);
      expect(shape[2]).toBeLessThanOrEqual(14);
    }
  });

  it("puts the liver on the patient's right, whichever way the axes run", () => {
    for (const caseNumber of [0, 1, 2, 3]) {
      const { label } = phantomCase({ ...options, caseNumber });
      const [width, height] = label.shape;
      const middle = (width - 1) / 2;
      let side = 0;
      label.data.forEach((value, at) => {
        if (value > 0) side += ((at % width) - middle) * Math.sign(label.affine[0][0]);
      });
      expect(side / (width * height)).toBeGreaterThan(0);
    }
  });

  it("is as large and as dense as a body: liver of liters at 85 to 125 HU, darker tumors, air outside", () => {
    for (const caseNumber of [0, 1, 2]) {
      const { image, label } = phantomCase({ ...options, size: 48, caseNumber });
      const milliliters = image.spacing.reduce((product, mm) => product * mm, 1) / 1000;
      expect(count(label, 1) * milliliters).toBeGreaterThan(800);
      expect(count(label, 1) * milliliters).toBeLessThan(3000);
      expect(quantile(image, label, 1, 0.5)).toBeGreaterThan(85);
      expect(quantile(image, label, 1, 0.5)).toBeLessThan(125);
      expect(quantile(image, label, 2, 0.5)).toBeLessThan(quantile(image, label, 1, 0.25));
      expect(image.data[0]).toBeLessThan(-900);
    }
  });

  it("draws tumors of given diameters", () => {
    const { image, label } = phantomCase({ ...options, size: 96, slices: [40, 40], tumorDiameters: [10, 14] });
    const milliliters = image.spacing.reduce((product, mm) => product * mm, 1) / 1000;
    // One to four balls of 10 to 14 mm have 0.5 to 5.7 ml.
    expect(count(label, 2) * milliliters).toBeGreaterThan(0.3);
    expect(count(label, 2) * milliliters).toBeLessThan(7.5);
  });

  it("gives each of the first twelve cases a tumor, whatever the seed, and later some none", () => {
    const tumors = (seed: number, caseNumber: number): number =>
      count(phantomCase({ seed, caseNumber, size: 16, slices: [10, 10], task: "liver" }).label, 2);
    for (const seed of [0, 1])
      for (let caseNumber = 0; caseNumber < 12; caseNumber++) expect(tumors(seed, caseNumber)).toBeGreaterThan(0);
    const later = Array.from({ length: 12 }, (_, i) => tumors(0, 12 + i));
    expect(later.filter((voxels) => voxels === 0).length).toBeGreaterThan(0);
    expect(later.filter((voxels) => voxels === 0).length).toBeLessThan(6);
  });

  it("labels vessels and tumors, not the liver, for the vessel task; the patient is the same", () => {
    const liver = phantomCase({ ...options, size: 64 });
    const vessel = phantomCase({ ...options, size: 64, task: "vessel" });
    expect(vessel.image).toEqual(liver.image);
    expect(count(vessel.label, 2)).toBe(count(liver.label, 2));
    expect(count(vessel.label, 1)).toBeGreaterThan(0);
    vessel.label.data.forEach((value, at) => {
      if (value === 1 && liver.label.data[at] !== 1) throw new Error(`the vessel voxel ${at} lies outside the liver`);
    });
    expect(quantile(vessel.image, vessel.label, 1, 0.5)).toBeGreaterThan(
      quantile(liver.image, liver.label, 1, 0.5) + 20,
    );
  });

  it("holds others as dense as the liver, so that no threshold finds it", () => {
    const { image, label } = phantomCase({ ...options, size: 64 });
    const alike = image.data.reduce(
      (sum, value, at) => sum + (value > 70 && value < 140 && label.data[at] === 0 ? 1 : 0),
      0,
    );
    expect(alike).toBeGreaterThan(0.3 * count(label, 1));
  });
});
