import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import { encodeRtstruct } from "./encode-rtstruct.js";
import { readSeries, type SeriesVolume } from "./read-series.js";
import { pythonWithPydicom } from "./testing/pydicom.js";
import { writeEnhanced, writeSeries } from "./testing/write-series.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-rtstruct-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Liver with holes in all slices, a tumor in the second alone, nothing of the third class. */
const labelOf = (i: number): number => (i >= 30 && i < 60 && i % 11 === 0 ? 2 : i % 7 === 0 ? 0 : 1);
const encode = (series: SeriesVolume, label = labelOf, anonymize = false): Promise<Uint8Array> => {
  let count = 0;
  const data = Uint8Array.from(series.data, (_, i) => label(i));
  return encodeRtstruct(series, { ...series, data }, ["labels.nii.gz", "series"], {
    classes: ["background", "Große Leber", "tumor", "cyst"],
    algorithm: "lobule",
    anonymize,
    now: new Date(Date.UTC(2030, 0, 2, 3, 4, 5)),
    uid: () => `2.25.${++count}`,
  });
};

const slices = async (): Promise<SeriesVolume> => {
  await writeSeries(join(folder, "series"));
  return readSeries(nodeStorage, join(folder, "series"));
};

test("is the same each time, and has nothing of the patient where it is to have none", async () => {
  const series = await slices();
  expect(await encode(series)).toEqual(await encode(series));
  expect(Buffer.from(await encode(series)).toString("latin1")).toContain("Doe^Jane");
  const text = Buffer.from(await encode(series, labelOf, true)).toString("latin1");
  for (const own of ["Doe", "19700101", "20300101"]) expect(text).not.toContain(own);
});

test.each([
  ["no class", () => 0, "labels.nii.gz holds no class but the background"],
  ["a class without a name", () => 7, "the labels hold 7, and classes are named from 0 to 3"],
])("%s is refused", async (_, label, message) => {
  const series = await slices();
  await expect(encode(series, label)).rejects.toThrow(message);
});

/** The labels by the points of the series' grid within the outlines, and what these refer to. */
const script = `
import json, sys, pydicom
def inside(polygon, x, y):
    crossings = 0
    for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1]):
        crossings += (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay)
    return crossings % 2 == 1
found = []
for path in sys.argv[1:]:
    rt = pydicom.dcmread(path)
    labels = [0] * 120
    for roi in rt.ROIContourSequence:
        for contour in roi.ContourSequence:
            points = [float(value) for value in contour.ContourData]
            assert len(points) == 3 * contour.NumberOfContourPoints
            z = round((points[2] - 12) / 2.5)
            # The slices' x and y are along the patient's, 0.5 and 0.75 mm apart.
            polygon = [((x + 100) / 0.5, (y + 80) / 0.75) for x, y in zip(points[::3], points[1::3])]
            for i in range(30):
                if inside(polygon, i % 6, i // 6):
                    labels[30 * z + i] = int(roi.ReferencedROINumber)
    images = [c.ContourImageSequence[0] for roi in rt.ROIContourSequence for c in roi.ContourSequence]
    series = rt.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0].RTReferencedSeriesSequence[0]
    found.append(dict(
        labels=labels, sop=rt.SOPClassUID, syntax=rt.file_meta.TransferSyntaxUID, patient=str(rt.PatientName),
        names=[(int(r.ROINumber), r.ROIName) for r in rt.StructureSetROISequence],
        types=sorted({c.ContourGeometricType for roi in rt.ROIContourSequence for c in roi.ContourSequence}),
        images=sorted({(i.ReferencedSOPInstanceUID, int(i.get("ReferencedFrameNumber", 0))) for i in images}),
        references=len(series.ContourImageSequence)))
print(json.dumps(found))`;

test("pydicom reads outlines that hold the same labels, of files and of frames", async ({ skip }) => {
  const python = pythonWithPydicom();
  skip(python === undefined, "python3 has no pydicom here");
  const series = await slices();
  await writeEnhanced(join(folder, "enhanced"));
  await writeFile(join(folder, "files.dcm"), await encode(series));
  await writeFile(join(folder, "frames.dcm"), await encode(await readSeries(nodeStorage, join(folder, "enhanced"))));
  const paths = ["files.dcm", "frames.dcm"].map((name) => join(folder, name));
  const [files, frames] = JSON.parse(execFileSync(python ?? "", ["-c", script, ...paths], { encoding: "utf8" }));
  for (const found of [files, frames]) {
    expect(found).toMatchObject({
      labels: Array.from(series.data, (_, i) => labelOf(i)),
      sop: "1.2.840.10008.5.1.4.1.1.481.3",
      syntax: "1.2.840.10008.1.2",
      patient: "Doe^Jane",
      names: [
        [1, "Große Leber"],
        [2, "tumor"],
      ],
      types: ["CLOSED_PLANAR"],
    });
  }
  expect(files.images).toEqual([1, 2, 3, 4].map((slice) => [`1.2.3.4.${slice}`, 0]));
  expect(files.references).toBe(4);
  expect(frames.images).toEqual([1, 2, 3, 4].map((frame) => ["1.2.3.4.4", frame]));
  expect(frames.references).toBe(1);
});
