import { type CaseResult, evaluateCase, type VolumeEdge } from "@lobule/metrics";
import { type Provenance, summarize } from "@lobule/train";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { labelVolume } from "../../../metrics/src/testing.js";
import { absent, classes, found, invented, missed, row } from "../../../train/src/evaluation/testing.js";
import { evaluationCsv, evaluationJson } from "./evaluation-files.js";
import { formatEvaluation } from "./format-evaluation.js";

const long = summarize([await row("a".repeat(200), [0], [0], ["background", "b".repeat(200)], 1 / 3)]);
const result = summarize([found, missed, invented, absent], { seed: 3 });

describe("evaluationCsv", () => {
  const lines = evaluationCsv(result).split("\r\n");

  test("has a header and a line for each case and class", () => {
    expect(lines).toHaveLength(1 + 4 * 2 + 1);
    expect(lines.at(-1)).toBe("");
    expect(lines[0]).toBe(
      "case,label,class,slices,dice_slice_mean,foreground_slices,dice_foreground_slice_mean,dice_3d," +
        "dice_3d_with_empty,intersection_voxels,prediction_voxels,truth_voxels,hausdorff95_mm," +
        "normalised_surface_distance,tolerance_mm,surface_dimensions,volume_edge,truth_at_edge,truth_ml,prediction_ml,error_ml,error_percent," +
        "use,note,map,postprocessed,run_state,checkpoint_epoch,error",
    );
    expect(lines[2]).toBe(
      `found,2,tumor,1,${2 / 3},1,${2 / 3},${2 / 3},${2 / 3},1,2,1,9.5,${2 / 3},2,1,surface,no,1,2,1,100,,,,,,,`,
    );
  });

  test("leaves the field of a figure that does not exist empty", () => {
    expect(lines[6]).toBe("invented,2,tumor,1,0,0,,,0,0,2,0,,0,2,1,surface,no,0,2,2,,,,,,,,");
    expect(lines[8]).toBe("absent,2,tumor,1,1,0,,,1,0,0,0,,,2,1,surface,no,0,0,0,,,,,,,,");
  });

  test("names with commas, quotes and line ends come back", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(",", '"', "\n", "\r", "a") }), (name) => {
        const first = evaluationCsv(summarize([{ ...found, name }]))
          .split("\r\n")
          .slice(1)
          .join("\r\n");
        const quoted = /^"((?:[^"]|"")*)",1,liver/.exec(first)?.[1]?.replaceAll('""', '"');
        const plain = /^([^",\r\n]*),1,liver/.exec(first)?.[1];
        // What a spreadsheet could take for a formula has an apostrophe before it.
        expect(quoted ?? plain).toBe(/^[\r\n]/.test(name) ? `'${name}` : name);
      }),
    );
  });
});

describe("evaluationJson", () => {
  test("comes back as it was", () => {
    expect(JSON.parse(evaluationJson(result))).toEqual(result);
    expect(evaluationJson(result).endsWith("}\n")).toBe(true);
  });

  test("says its format, and what becomes of empty slices and cases", () => {
    expect(JSON.parse(evaluationJson(result))).toMatchObject({
      format: "lobule-evaluation",
      version: 1,
      seed: 3,
      tolerance: 2,
      emptyRules: { perCase: "cases whose truth lacks the class are left out" },
    });
  });
});

describe("what the figures are of", () => {
  const provenance: Provenance = {
    run: { directory: "/runs/liver", state: "epoch 1 of 100, interrupted", finished: false },
    checkpoint: { file: "/runs/liver/checkpoints/best.safetensors", sha256: "ab", epoch: 1 },
    data: { directory: "/data", labels: ["background", "tumor", "liver"], modality: ["CT"] },
    settings: { mirror: false, precision: "f32", map: [{ from: 1, to: 2 }], includeTraining: true },
    leftOut: [],
    failures: [{ name: "cut", error: "cut.nii.gz ends early" }],
    notes: ["the run is not trained to its end: epoch 1 of 100, interrupted"],
  };
  const source = { use: "training", content: "cd", note: "the training case b" } as const;
  const marked = summarize([{ ...found, source }, missed], { provenance });

  test("stands in the table: how far the run was, trained-on cases in every heading, what failed", () => {
    const text = formatEvaluation(marked);
    expect(text).toMatch(/^weights of epoch 1; run: epoch 1 of 100, interrupted\n/);
    expect(text).toContain("Note: the run is not trained to its end: epoch 1 of 100, interrupted.");
    expect(text).toContain("liver (label 1, 1 of 2 cases trained on)\n");
    expect(text).toContain("tumor (label 2, 1 of 2 cases trained on)\n");
    expect(text).toContain("Not measured: cut: cut.nii.gz ends early");
    expect(formatEvaluation(summarize([found, missed], { provenance }))).toContain("liver (label 1)\n");
  });

  test("stands in each line of the CSV, where a case that failed has one too", () => {
    const lines = evaluationCsv(marked).split("\r\n");
    expect(lines).toHaveLength(1 + 2 * 2 + 1 + 1);
    expect(lines[1]).toMatch(/^found,1,liver,.*,training,the training case b,1=2,no,"epoch 1 of 100, interrupted",1,$/);
    expect(lines[3]).toMatch(/^missed,.*,,,1=2,no,"epoch 1 of 100, interrupted",1,$/);
    expect(lines[5]).toMatch(/^cut,{22},,1=2,no,"epoch 1 of 100, interrupted",1,cut\.nii\.gz ends early$/);
    for (const line of lines.slice(0, -1)) expect(line.replaceAll(/"[^"]*"/g, "").split(",")).toHaveLength(29);
  });

  test("stands in the JSON", () => {
    expect(JSON.parse(evaluationJson(marked))).toMatchObject({ provenance, cases: [{ source }, {}] });
  });
});

describe("formatEvaluation", () => {
  const text = formatEvaluation(result, { reference: "liver" });
  const line = (start: string, of = text.slice(text.indexOf("tumor (label 2)"))): string | undefined =>
    of.split("\n").find((each) => each.trim().startsWith(start));

  test("every reading of Dice with its n, and its rule", () => {
    expect(line("Dice, slice mean")).toMatch(/0\.417 +4 slices$/);
    expect(line("Dice, mean of slices with the class")).toMatch(/0\.333 +2 slices$/);
    expect(line("Dice, pooled voxels")).toMatch(/0\.333 +4 cases$/);
    expect(line("Dice, per-case 3D ")).toMatch(/0\.333 +2 cases +0\.000 to 0\.667$/);
    expect(line("Dice, per-case 3D, all cases")).toMatch(/0\.417 +4 cases +0\.000 to 0\.833$/);
    for (const rule of Object.values(result.emptyRules)) expect(text.replace(/\n\s*/g, " ")).toContain(rule);
  });

  test("says in how many dimensions surfaces were measured, and what the edge of the scan counted as", async () => {
    const organ = (name: string, depth: number, edge: VolumeEdge = "surface"): Promise<CaseResult> => {
      const map = labelVolume([5, 5, depth], [1, 1, 1], (x, y) => Number(x > 0 && x < 4 && y > 0 && y < 4));
      return evaluateCase(map, map, classes, { name, edge });
    };
    const notesOf = (...cases: CaseResult[]): string => formatEvaluation(summarize(cases)).replaceAll(/\n\s*/g, " ");
    const mixed = notesOf(await organ("slice", 1), await organ("pair", 2), await organ("stack", 4));
    expect(mixed).toContain("measured in 3D in 2 cases, in 2D in 1 of a single slice.");
    expect(mixed).toContain("In 1 case of two slices every voxel is at the edge, which counts as a cut there.");
    expect(mixed).toContain("The truth reaches the edge of the scan: liver in 1 of 3 cases.");
    expect(mixed).toContain("as in MONAI and medpy");
    const cut = notesOf(await organ("stack", 4, "cut"));
    expect(cut).toContain("The edge of a scan counts as a cut and not as a surface");
    expect(cut).not.toContain("The truth reaches the edge");
  });

  test("distances, volumes and the cases that lack the class", () => {
    expect(line("95 % Hausdorff distance, mm")).toMatch(/9\.50 +1 case$/);
    expect(line("Surface within 2 mm (NSD)")).toMatch(/0\.222 +3 cases$/);
    expect(line("Volume error, absolute, %")).toMatch(/100\.0 +2 cases$/);
    expect(line("Without the class")).toBe("  Without the class: the truth of 2 cases, both of 1");
  });

  test("the published figure stands in a row of its own, set against no reading", () => {
    expect(line("Dice, published")).toMatch(/0\.73 {2}reading not stated by the source$/);
    expect(line("Dice, published", text)).toMatch(/0\.88/);
    expect(formatEvaluation(result, { reference: "vessel" })).toMatch(/published +0\.83[\s\S]*published +0\.66/);
    expect(formatEvaluation(result).toLowerCase()).not.toContain("published");
  });

  test("fits 80 columns, with what is missing as n/a", () => {
    for (const each of [text, formatEvaluation(long, { reference: "liver" })])
      expect(Math.max(...each.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(line("95 % Hausdorff", formatEvaluation(long))).toMatch(/n\/a +0 cases$/);
  });
});
