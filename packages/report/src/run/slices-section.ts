import { counted, fixed, whole } from "../page/format.js";
import { type Html, html } from "../page/html.js";
import { swatch } from "../picture/class-marks.js";
import { dataUrl } from "../picture/data-url.js";
import { drawSlice, type SliceView } from "../picture/slice-picture.js";

/** A validation slice to show. All arrays hold height × width values, rows from the top of the picture. */
export interface ReportSlice extends Pick<SliceView, "image" | "width" | "height" | "spacing"> {
  readonly caseName: string;
  /** As people count slices of this case. */
  readonly slice: number;
  readonly truth: ArrayLike<number>;
  readonly prediction: ArrayLike<number>;
  /** Dice of this slice by class, background first; null where truth and prediction lack the class. */
  readonly dice: readonly (number | null)[];
}

/** Some of the validation slices. */
export interface GallerySlices {
  /** Best first. */
  readonly best: readonly ReportSlice[];
  /** Worst first. */
  readonly worst: readonly ReportSlice[];
  /** Slices with a class in truth or prediction, of which these are some. */
  readonly of: number;
}

/** The slices with the lowest and the highest Dice: the scan, its truth and the prediction side by side. */
export function slicesSection({ best, worst, of }: GallerySlices, classes: readonly string[]): Html {
  const legend = classes
    .slice(1)
    .map((name, i) => html`<li><img class="swatch" alt="" src="${dataUrl(swatch(i + 1, 28).png())}">${name}</li>`);
  return html`<section><h2>Worst and best validation slices</h2>
<p class="note">Of ${counted(of, "slice")} with a class in truth or prediction, by the mean Dice of their classes. Left to right: scan, truth, prediction. Click a picture, or press the space bar on it, to enlarge it and to make it small again.</p>
<ul class="legend">${legend}</ul>
${sliceGroup(`Lowest Dice: ${worst.length} of ${whole(of)}`, worst, classes)}${sliceGroup(`Highest Dice: ${best.length} of ${whole(of)}`, best, classes)}</section>`;
}

function sliceGroup(title: string, slices: readonly ReportSlice[], classes: readonly string[]): Html | null {
  if (slices.length === 0) return null;
  return html`<h3 class="group">${title}</h3><div class="slices">${slices.map((slice) => {
    const name = `${slice.caseName}, slice ${slice.slice}`;
    const scores = slice.dice.flatMap((value, c) =>
      c === 0 ? [] : [`${classes[c] ?? `class ${c}`} ${value === null ? "absent" : fixed(value, 3)}`],
    );
    const panel = (what: string, labels?: ArrayLike<number>): Html =>
      html`<img alt="${name}: ${what}" src="${dataUrl(drawSlice({ ...slice, ...(labels === undefined ? {} : { labels }) }))}">`;
    return html`<figure><label class="zoom"><input type="checkbox" aria-label="Enlarge ${name}"><span class="panels">${panel("the scan")}${panel(`truth, ${foundIn(slice.truth, classes)}`, slice.truth)}${panel(`prediction, ${foundIn(slice.prediction, classes)}`, slice.prediction)}</span></label><figcaption>${name}<span>Dice ${scores.join(" · ")}</span>${missingIn(slice)}</figcaption></figure>
`;
  })}</div>
`;
}

const holds = (labels: ArrayLike<number>): ReadonlySet<number> => new Set(Array.from(labels));

/** "with liver and tumor", or that there is nothing. */
function foundIn(labels: ArrayLike<number>, classes: readonly string[]): string {
  const present = holds(labels);
  const names = classes.filter((_, c) => c > 0 && present.has(c));
  return names.length === 0 ? "nothing found" : `with ${names.join(" and ")}`;
}

/** Said of an empty side, which a picture without any outline shows badly. */
function missingIn({ truth, prediction }: ReportSlice): Html | null {
  const empty = (labels: ArrayLike<number>): boolean => Array.from(labels).every((label) => label === 0);
  if (empty(prediction)) return html`<span>Prediction: nothing found.</span>`;
  return empty(truth) ? html`<span>Truth: nothing there.</span>` : null;
}
