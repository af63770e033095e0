import { KernelDeclarationError } from "../contract/kernel.js";
import { matrixExtension, usesMatrices } from "../transforms/subgroup-matrix.js";
import { replaceDefinition, replaceText } from "../transforms/wgsl-text.js";

/** A load of a matrix: its name, of which factor, by rows or columns, from what, and the elements from one to the next. */
const loadPattern =
  /^fn (\w+)\(at:\s*u32\)\s*->\s*(Left|Right)\s*\{\s*return subgroupMatrixLoad<\w+,\s*(row|col)_major>\(&(\w+),\s*at,\s*(\w+)\);\s*\}$/gm;

/**
 * The text with its matrix units emulated in plain WGSL, so that what surrounds them can be tested without: 32 invocations
 * each hold eight neighboring elements of the sums and read the factors where they are, which is right as long as nobody
 * writes there between a load and its product.
 */
export function withEmulatedMatrices(source: string): string {
  if (!usesMatrices(source)) throw new KernelDeclarationError("the kernel enables no subgroup matrices");
  const elements: Record<string, string[]> = { Left: [], Right: [] };
  const loaded = source.replace(loadPattern, (_, name, factor, order, memory, stride) => {
    const cases = elements[factor] ?? [];
    const place = order === "row" ? `row * ${stride} + column` : `column * ${stride} + row`;
    const number = cases.push(`case ${cases.length}u: { return f32(${memory}[matrix.at + ${place}]); }`) - 1;
    return `fn ${name}(at: u32) -> ${factor} { return ${factor}(at, ${number}u); }`;
  });
  const factors = Object.entries(elements).map(
    ([factor, cases]) => `struct ${factor} { at: u32, memory: u32 }
fn elementOf${factor}(matrix: ${factor}, row: u32, column: u32) -> f32 {
  switch (matrix.memory) {
    ${cases.join("\n    ")}
    default: { return 0.0; }
  }
}`,
  );
  const types: readonly [RegExp, string][] = [
    [/^alias Left = .*$/m, factors[0] ?? ""],
    [/^alias Right = .*$/m, factors[1] ?? ""],
    [/^alias Sums = .*$/m, "struct Sums { row: array<f32, 8> }\nvar<private> matrixLane: u32;"],
  ];
  const text = types.reduce(
    (result, [pattern, type]) => replaceText(result, pattern, type),
    replaceText(loaded, matrixExtension, ""),
  );
  const definitions = {
    subgroupOf: `fn subgroupOf(lane: u32, id: u32) -> u32 {
  matrixLane = lane % 32u;
  return lane / 32u;
}`,
    multiplyAdd: `fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums {
  var next = sums;
  let once = min(sizes.height, 1u); // which a compiler does not know: written out, these loops take it a minute
  for (var i = 0u; i < 8u * once; i++) {
    for (var k = 0u; k < 16u * once; k++) {
      next.row[i] += elementOfLeft(left, matrixLane / 2u, k) * elementOfRight(right, k, matrixLane % 2u * 8u + i);
    }
  }
  return next;
}`,
    storeSums: `fn storeSums(at: u32, sums: Sums) {
  let first = at + matrixLane / 2u * RESULT_PITCH + matrixLane % 2u * 8u;
  for (var i = 0u; i < 8u; i++) { results[first + i] = sums.row[i]; }
}`,
  };
  return Object.entries(definitions).reduce(
    (result, [name, definition]) => replaceDefinition(result, "fn", name, definition),
    text,
  );
}
