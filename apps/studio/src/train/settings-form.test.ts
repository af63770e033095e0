import { describedSettings } from "@lobule/train";
import { describe, expect, test } from "vitest";
import { defaultOf, type Field, firstFields, foldedGroups, hasEffect, resolved, withFields } from "./settings-form.js";

const fields = [...firstFields, ...foldedGroups.flatMap((group) => group.fields)];
const field = (id: string): Field => {
  const found = fields.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no field ${id}`);
  return found;
};

describe("the form of a run's settings", () => {
  test("has every setting of the schema once, but those that are chosen elsewhere", () => {
    const shown = fields.map(({ id }) => id);
    expect(new Set(shown).size).toBe(shown.length);
    const all = describedSettings.map(({ path }) => path.join("."));
    const hidden = all.filter((id) => !shown.includes(id) && !id.startsWith("nnunet."));
    expect(hidden).toEqual(["preset", "data", "model", "fastDevRun"]);
    expect(new Set(fields.map(({ label }) => label)).size).toBe(fields.length);
  });

  test("offers the words of a setting that takes words", () => {
    expect(field("schedule").choices).toEqual(["plateau", "constant", "cosine", "polynomial"]);
    expect(field("recompute").choices).toEqual(["yes", "no"]);
    expect(field("loss.kind").choices).toContain("tversky");
    expect(field("window").choices).toEqual([]);
  });

  test("says what each is by default, by preset, kind and network", () => {
    expect(defaultOf(field("window"), null, {})).toBe("auto");
    expect(defaultOf(field("window"), "liver", {})).toBe("-160 240");
    expect(defaultOf(field("clipNorm"), null, {})).toBe("none");
    expect(defaultOf(field("optimizer.weightDecay"), null, {})).toBe("0");
    expect(defaultOf(field("optimizer.weightDecay"), null, { "optimizer.kind": "adamw" })).toBe("0.01");
    expect(defaultOf(field("loss.kind"), null, {})).toBe("dice-ce");
    expect(defaultOf(field("augmentation.flip"), null, {})).toBe("0");
    const [plain, other] = ["attention-res-unet", "unet"].map((preset) =>
      defaultOf(field("network.skip"), null, { "network.preset": preset }),
    );
    expect(plain).not.toBe(other);
  });

  test("shows the settings of a kind with that kind alone", () => {
    expect(hasEffect(field("loss.gamma"), null, {})).toBe(false);
    expect(hasEffect(field("loss.gamma"), null, { "loss.kind": "focal" })).toBe(true);
    expect(hasEffect(field("loss.lambdaDice"), null, {})).toBe(true);
    expect(hasEffect(field("augmentation.flip"), null, {})).toBe(true);
  });

  test("makes a configuration of what is entered, and leaves out what has no effect", () => {
    const entries = {
      epochs: " 7 ",
      window: "-100, 300",
      recompute: "yes",
      "loss.kind": "weighted-dice-ce",
      "loss.classWeights": "1 2 3",
      "loss.gamma": "5",
      "augmentation.flip": "0.5",
    };
    expect(resolved("liver", { ...entries, maxSlices: "none" }, "/data/a")).toMatchObject({
      config: {
        data: "/data/a",
        preset: "liver",
        epochs: 7,
        window: [-100, 300],
        recompute: true,
        maxSlices: null,
        loss: { kind: "weighted-dice-ce", classWeights: [1, 2, 3], lambdaDice: 1 },
        augmentation: { flip: 0.5, noise: 0 },
      },
    });
  });

  test("advises its fields where the command advises options", () => {
    expect(withFields("use --batch 5, or --micro-batch 5; name another with --out")).toBe(
      "use Batch 5, or Micro batch 5; name another with --out",
    );
  });

  test("says what is wrong beside the field that it is wrong in", () => {
    expect(resolved(null, { learningRate: "-1" }, "/data/a")).toEqual({
      field: "learningRate",
      problem: "Learning rate needs a number above 0, got -1",
    });
    expect(resolved(null, { "loss.kind": "tversky", "loss.alpha": "much" }, "/data/a")).toMatchObject({
      field: "loss.alpha",
    });
    expect(resolved(null, { maxSlices: "few" }, "/data/a")).toEqual({
      field: "maxSlices",
      problem: "Max slices needs a whole number from 1 or none, got 'few'",
    });
    expect(resolved(null, { size: "30" }, "/data/a")).toMatchObject({ field: "size" });
    expect(resolved(null, { window: "5 1" }, "/data/a")).toMatchObject({ field: "window" });
  });
});
