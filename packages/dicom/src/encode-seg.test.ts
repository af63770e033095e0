import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import dcmjs from "dcmjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeSeg, type SegOptions } from "./encode-seg.js";
import { readSeries, type SeriesVolume } from "./read-series.js";
import { pythonWithPydicom } from "./testing/pydicom.js";
import { writeEnhanced, writeSeries } from "./testing/write-series.js";

let folder: string;
let series: SeriesVolume;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-seg-"));
  await writeSeries(join(folder, "series"));
  series = await readSeries(nodeStorage, join(folder, "series"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Liver in all slices, tumor in the second alone, nothing of the third class. */
const labelOf = (i: number): number => (i >= 30 && i < 60 && i % 11 === 0 ? 2 : i % 7 === 0 ? 1 : 0);
const encode = (
  changes: Partial<SegOptions> = {},
  label: (i: number) => number = labelOf,
  of = series,
): Promise<Uint8Array> => {
  let count = 0;
  const data = Uint8Array.from(of.data, (_, i) => label(i));
  return encodeSeg(of, { ...of, data }, ["labels.nii.gz", "series"], {
    type: "binary",
    classes: ["background", "liver", "tumor", "cyst"],
    algorithm: "lobule",
    anonymize: false,
    now: new Date(Date.UTC(2030, 0, 2, 3, 4, 5)),
    uid: () => `2.25.${++count}`,
    ...changes,
  });
};

describe("what is written", () => {
  const attributes = (bytes: Uint8Array) => dcmjs.data.DicomMessage.readFile(new Uint8Array(bytes).buffer).dict;

  test("is the same each time, and refers to the study, the series and its slices", async () => {
    const bytes = await encode();
    expect(await encode()).toEqual(bytes);
    const found = attributes(bytes);
    expect(found["0020000D"]?.Value).toEqual(["1.2.3"]);
    expect(found["00080005"]?.Value).toEqual(["ISO_IR 192"]);
    expect(found["00200052"]?.Value).toEqual(["1.2.3.9"]);
    expect(found["00100020"]?.Value).toEqual(["17"]);
    expect(found["00280008"]?.Value).toEqual([5]);
    expect(found["00620002"]?.Value).toHaveLength(2);
  });

  test("has nothing of the patient where it is to have none", async () => {
    const text = Buffer.from(await encode({ anonymize: true })).toString("latin1");
    for (const own of ["Doe", "19700101", "20300101"]) expect(text).not.toContain(own);
    expect(Buffer.from(await encode()).toString("latin1")).toContain("Doe^Jane");
  });

  test.each([
    ["no class", () => 0, "labels.nii.gz holds no class but the background"],
    ["a class without a name", () => 7, "the labels hold 7, and classes are named from 0 to 3"],
  ])("%s is refused", async (_, label, message) => {
    await expect(encode({}, label)).rejects.toThrow(message);
  });
});

test("pydicom reads the same labels in the same place", async ({ skip }) => {
  const python = pythonWithPydicom();
  skip(python === undefined, "python3 has no pydicom here");
  await writeFile(join(folder, "binary.dcm"), await encode());
  await writeFile(join(folder, "labelmap.dcm"), await encode({ type: "labelmap" }));
  const script = `
import json, sys, numpy, pydicom
volumes = []
for path in sys.argv[1:]:
    seg = pydicom.dcmread(path)
    volume = numpy.zeros((4, seg.Rows, seg.Columns), int)
    for frame, groups in zip(seg.pixel_array, seg.PerFrameFunctionalGroupsSequence):
        z = round((float(groups.PlanePositionSequence[0].ImagePositionPatient[2]) - 12) / 2.5)
        if "SegmentIdentificationSequence" in groups:
            volume[z][frame > 0] = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        else:
            volume[z] = frame
    pointer = seg.DimensionIndexSequence[-1].DimensionIndexPointer
    images = [g.DerivationImageSequence[0].SourceImageSequence[0] for g in seg.PerFrameFunctionalGroupsSequence]
    sources = [i.ReferencedSOPInstanceUID for i in images]
    frames = [int(i.get("ReferencedFrameNumber", 0)) for i in images]
    files = len(seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence)
    names = [(s.SegmentNumber, s.SegmentLabel, s.SegmentedPropertyTypeCodeSequence[0].CodeMeaning) for s in seg.SegmentSequence]
    volumes.append(dict(labels=volume.ravel().tolist(), pointer=int(pointer), sources=sources, frames=frames, files=files, names=names, sop=seg.SOPClassUID))
print(json.dumps(volumes))`;
  await writeEnhanced(join(folder, "enhanced"));
  const enhanced = await readSeries(nodeStorage, join(folder, "enhanced"));
  await writeFile(join(folder, "frames.dcm"), await encode({}, labelOf, enhanced));
  const paths = ["binary.dcm", "labelmap.dcm", "frames.dcm"].map((name) => join(folder, name));
  const [binary, labelmap, frames] = JSON.parse(
    execFileSync(python ?? "python3", ["-c", script, ...paths], { encoding: "utf8" }),
  );
  const labels = Array.from(series.data, (_, i) => labelOf(i));
  for (const found of [binary, labelmap, frames]) {
    expect(found.labels).toEqual(labels);
    expect(found.pointer).toBe(0x00200032);
    expect(found.names).toEqual([
      [1, "liver", "Liver"],
      [2, "tumor", "Neoplasm"],
    ]);
  }
  expect([binary.sop, labelmap.sop]).toEqual(["1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"]);
  expect(binary.sources).toEqual(["1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3", "1.2.3.4.4", "1.2.3.4.2"]);
  expect([binary.files, frames.files]).toEqual([4, 1]);
  // The last frame of the file is the lowest slice.
  expect(frames.frames).toEqual([4, 3, 2, 1, 3]);
});
