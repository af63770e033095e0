import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mapLabels } from "./label-mapping.js";

const ours = { of: "runs/liver", names: ["background", "liver", "cancer"] };
const theirs = (...names: string[]) => ({ of: "OTHER", names });

describe("labels that are the model's", () => {
  test.each([
    ["the same", ["background", "liver", "cancer"]],
    ["other case, spaces and hyphens", ["Background", " LIVER", "can-cer"]],
    ["another word for the background", ["clear_label", "liver", "cancer"]],
  ])("%s", (_, names) => {
    expect(mapLabels(theirs(...names), ours)).toEqual({ to: [0, 1, 2], asked: [], measured: [1, 2] });
  });

  test("fewer than the model has: the others cannot be measured", () => {
    expect(mapLabels(theirs("background", "liver"), ours)).toMatchObject({ to: [0, 1], measured: [1] });
  });
});

describe("labels that are not are refused, with both sides and what to give", () => {
  test.each([
    ["another order", ["background", "cancer", "liver"], "--map 1=2 --map 2=1"],
    ["another organ", ["background", "kidney", "cancer"], "--map 1=1 (kidney counts as liver then; give another value"],
    ["a fourth class", ["background", "liver", "cancer", "cyst"], "--map 3=0 (cyst counts as background then;"],
    ["a background that is a class", ["liver", "cancer"], "--map 0=1 --map 1=2"],
  ])("%s", (_, names, flags) => {
    expect(() => mapLabels(theirs(...names), ours)).toThrow(flags);
    expect(() => mapLabels(theirs(...names), ours)).toThrow(
      `the labels of OTHER (${names.map((name, i) => `${i} ${name}`).join(", ")}) are not those of runs/liver (0 background, 1 liver, 2 cancer)`,
    );
  });

  test("what the refusal says is accepted, whatever the names are", () => {
    const names = fc.uniqueArray(fc.constantFrom("liver", "cancer", "cyst", "vessel", "Liver 2", "a=b"), {
      minLength: 1,
    });
    fc.assert(
      fc.property(names, names, (left, right) => {
        const [a, b] = [theirs("background", ...left), { of: "RUN", names: ["background", ...right] }];
        try {
          mapLabels(a, b);
        } catch (error) {
          const flags = [...String(error).matchAll(/--map (\d+=\d+)/g)].map(([, flag = ""]) => flag);
          expect(flags.length).toBeGreaterThan(0);
          if (flags.some((flag) => !flag.endsWith("=0")) || a.names.length > flags.length + 1)
            expect(mapLabels(a, b, flags).to).toHaveLength(a.names.length);
        }
      }),
    );
  });
});

describe("what is asked for", () => {
  test("by value or by name, several as one, to the background", () => {
    const other = theirs("background", "Liver", "tumor", "cyst");
    expect(mapLabels(other, ours, ["tumor=cancer", "3=2"])).toEqual({
      to: [0, 1, 2, 2],
      measured: [1, 2],
      asked: [
        { from: 2, to: 2 },
        { from: 3, to: 2 },
      ],
    });
    expect(mapLabels(other, ours, ["2=1", "cyst=background"]).to).toEqual([0, 1, 1, 0]);
    expect(mapLabels(theirs("background", "liver", "a=b"), ours, ["a=b=cancer"]).to).toEqual([0, 1, 2]);
  });

  test.each([
    ["no equals sign", ["2"], "--map needs FROM=TO, such as 2=1 or tumor=cancer, got '2'"],
    ["no label there", ["4=1"], "'4' is no label of OTHER"],
    ["no label here", ["2=spleen"], "'spleen' is no label of runs/liver"],
    ["a label twice", ["2=1", "tumor=2"], "--map gives label 2 of OTHER twice"],
    ["all to the background", ["1=0", "2=0"], "nothing to measure"],
  ])("%s is refused", (_, asked, message) => {
    expect(() => mapLabels(theirs("background", "liver", "tumor"), ours, asked)).toThrow(message);
  });
});
