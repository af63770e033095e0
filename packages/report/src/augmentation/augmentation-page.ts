import type { AugmentationGroup } from "@lobule/train";
import { type Html, html } from "../page/html.js";
import { pageOf } from "../page/page.js";
import { swatch } from "../picture/class-marks.js";
import { dataUrl } from "../picture/data-url.js";
import { drawSlice } from "../picture/slice-picture.js";

/** What the page of an augmentation shows. */
export interface AugmentationPageInput {
  /** What is shown, such as the task. */
  readonly title: string;
  /** Which slice of which case, and how it is windowed. */
  readonly slice: string;
  /** The kind of augmentation. */
  readonly kind: string;
  readonly classes: readonly string[];
  /** Side of the images. */
  readonly size: number;
  readonly groups: readonly AugmentationGroup[];
}

/** What an augmentation does to a slice, as one HTML page that needs nothing else. The same input gives the same text. */
export function renderAugmentation({ title, slice, kind, classes, size, groups }: AugmentationPageInput): string {
  const legend = classes
    .slice(1)
    .map((name, i) => html`<li><img class="swatch" alt="" src="${dataUrl(swatch(i + 1, 28).png())}">${name}</li>`);
  return pageOf(
    `${title} – Lobule augmentation`,
    html`<header><h1>${title}: what the augmentation ${kind} does</h1><p>${slice}. Each part is shown by itself on slices that it changes, then all together as often as training has them.</p></header>
<ul class="legend">${legend}</ul>
${groups.map((group) => groupSection(group, size))}`,
  );
}

function groupSection({ title, probability, examples }: AugmentationGroup, size: number): Html {
  const often = probability === undefined ? "" : `Done to ${Math.round(1000 * probability) / 10} % of the slices.`;
  return html`<section><h2>${title}</h2><p class="note">${often}</p>
<div class="tiles">${examples.map(({ drawn, image, labels }, i) => {
    // Canonical slices run to the right and to the front; turned by 180° they lie as radiologists look at them.
    const view = { image: image.slice().reverse(), labels: labels.slice().reverse(), width: size, height: size };
    return html`<figure><img alt="${title}, example ${i + 1}" src="${dataUrl(drawSlice(view, size))}"><figcaption>${drawn}</figcaption></figure>`;
  })}</div></section>
`;
}
