import { replaceDefinition, replaceText } from "./wgsl-text.js";

const places = ["low.x", "low.y", "low.z", "low.w", "high.x", "high.y"];
const columns = [0, 1, 2, 3];
const halves = [0, 1];
const rows = [0, 1];

/** Products of a row's six numbers with those of eight output channels. */
const productLines = places.flatMap((place, i) =>
  halves.map((half) => `  (*sums)[${2 * i + half}] += weight[at + ${2 * i + half}u] * row.${place};`),
);

/** The pixels by channel and row, of vectors over four channels. */
const pixels = halves.flatMap((half) =>
  ["x", "y", "z", "w"].flatMap((part) =>
    rows.map((row) => `vec4f(${columns.map((column) => `row${row}[${4 * half + column}].${part}`).join(", ")})`),
  ),
);

const definitions = `struct Products { row0: array<vec4f, 12>, row1: array<vec4f, 12> }
struct Transformed { low: vec4f, high: vec2f }
fn transformRow(row: Row) -> Transformed {
  let d = row.middle;
  let even = d.w - 2.25 * d.y;
  let odd = d.z - 2.25 * d.x;
  let farEven = d.w - 0.5625 * d.y;
  let farOdd = d.z - 0.5625 * d.x;
  let first = 1.265625 * row.left + (d.w - 2.8125 * d.y);
  let last = 1.265625 * d.x + (row.right - 2.8125 * d.z);
  let low = vec4f(first, even + 0.75 * odd, even - 0.75 * odd, farEven + 1.5 * farOdd);
  return Transformed(low, vec2f(farEven - 1.5 * farOdd, last));
}
fn addTransformed(sums: ptr<function, array<vec4f, 12>>, at: u32, row: Transformed) {
${productLines.join("\n")}
}
fn pixelsOf(sums: array<vec4f, 12>) -> array<vec4f, 8> {
  var result: array<vec4f, 8>;
${halves
  .map(
    (half) => `  let near${half} = sums[${2 + half}] + sums[${4 + half}];
  let nearOdd${half} = sums[${2 + half}] - sums[${4 + half}];
  let far${half} = sums[${6 + half}] + sums[${8 + half}];
  let farOdd${half} = sums[${6 + half}] - sums[${8 + half}];
  result[${4 * half}] = sums[${half}] + near${half} + far${half};
  result[${4 * half + 1}] = 0.75 * nearOdd${half} + 1.5 * farOdd${half};
  result[${4 * half + 2}] = 0.5625 * near${half} + 2.25 * far${half};
  result[${4 * half + 3}] = 0.421875 * nearOdd${half} + 3.375 * farOdd${half} + sums[${10 + half}];`,
  )
  .join("\n")}
  return result;
}`;

/**
 * The text of a 3×3 convolution with half the multiplications along rows: Winograd's F(4, 3). Four pixels of a row see six,
 * which become six numbers; so do the three taps of a row of the weight (`contract/winograd.ts`); the products of both are summed over
 * input channels and rows of taps, and at the end six sums become four pixels: 6 multiply-adds in place of 12.
 *
 * The file computes two rows of a quad and has
 *
 *     struct Row { left: f32, middle: vec4f, right: f32 }                    the six pixels
 *     alias Products = array<vec4f, 16>;                                     what is summed
 *     fn addRows(products: ptr<function, Products>, block: u32, ci: u32, row0: Row, row1: Row, row2: Row, row3: Row)
 *     fn sumsOf(products: Products) -> array<vec4f, 16>                      [channel][row] of them
 *
 * and reads the weight as [blocks, ci, 3, 6, 8]. The points of the interpolation are 0, ±3/4, ±3/2 and ∞, whose rounding errors are
 * 1.4 times those of direct sums of 64 channels; with the usual 0, ±1, ±2 and ∞ they are 1.9 times.
 * Source: Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks"; for points, Barabasz et al. 2020, "Error
 * Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural Networks".
 */
export function withWinograd(source: string): string {
  const text = replaceText(source, /^alias Products = .*;$/m, definitions);
  const added = replaceDefinition(
    text,
    "fn",
    "addRows",
    `fn addRows(products: ptr<function, Products>, block: u32, ci: u32, row0: Row, row1: Row, row2: Row, row3: Row) {
  let taps = (block * sizes.inChannels + ci) * 36u;
  let seen0 = transformRow(row0);
  let seen1 = transformRow(row1);
  let seen2 = transformRow(row2);
  let seen3 = transformRow(row3);
${[0, 1, 2].flatMap((tap) => rows.map((row) => `  addTransformed(&(*products).row${row}, taps + ${12 * tap}u, seen${row + tap});`)).join("\n")}
}`,
  );
  const sums = `fn sumsOf(products: Products) -> array<vec4f, 16> {
  let row0 = pixelsOf(products.row0);
  let row1 = pixelsOf(products.row1);
  return array<vec4f, 16>(
    ${pixels.join(",\n    ")},
  );
}`;
  return replaceDefinition(replaceDefinition(added, "fn", "addRow", ""), "fn", "sumsOf", sums);
}
