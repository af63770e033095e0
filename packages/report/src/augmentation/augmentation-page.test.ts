import { expect, test } from "vitest";
import { renderAugmentation } from "./augmentation-page.js";

test("each part has its pictures, how often it is done and what was drawn", () => {
  const example = (drawn: string) => ({
    drawn,
    image: new Float32Array(4).fill(0.5),
    labels: Uint8Array.of(0, 0, 1, 1),
  });
  const page = renderAugmentation({
    title: "Liver <CT>",
    slice: "Slice 3 of liver_1",
    kind: "nnunet",
    classes: ["background", "liver"],
    size: 2,
    groups: [
      { title: "As it is", probability: undefined, examples: [example("")] },
      { title: "Blur", probability: 0.125, examples: [example("σ 0.50 pixels"), example("σ 0.90 pixels")] },
    ],
  });
  expect(page).toContain("<h1>Liver &lt;CT&gt;: what the augmentation nnunet does</h1>");
  expect(page).toContain("Done to 12.5 % of the slices.");
  expect(page.match(/<figure>/g)).toHaveLength(3);
  expect(page).toContain("<figcaption>σ 0.90 pixels</figcaption>");
  expect(page).toContain("</li>");
});
