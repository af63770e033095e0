import { KernelDeclarationError } from "../contract/kernel.js";
import { replaceDefinition, replaceText } from "./wgsl-text.js";

/**
 * Matrix units: products of matrices of 16 × 16 that a subgroup of 32 holds together, f16 with sums in f32.
 *
 * A file that uses them enables Dawn's experimental extension and keeps all of it in three aliases and a few functions:
 *
 *     var<workgroup> results: array<f32, …>;
 *     alias Left = …;  alias Right = …;  alias Sums = …;
 *     fn subgroupOf(lane: u32, id: u32) -> u32      which of the workgroup's subgroups of 32 this is, called first
 *     fn loadLeft(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&weight, at, SLAB); }
 *     fn loadRight(at: u32) -> Right { … }          any number of such loads, from f16 in storage or workgroup memory
 *     fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums
 *     fn storeSums(at: u32, sums: Sums)             rows of RESULT_PITCH elements
 *
 * Source: "Subgroup Matrix", docs/dawn/features/subgroup_matrix.md in Dawn.
 */
export const matrixFeature = "chromium-experimental-subgroup-matrix";

const extension = "enable chromium_experimental_subgroup_matrix;\n";

/** Whether a kernel's text needs matrix units. */
export const usesMatrices = (source: string): boolean => source.includes(extension);

/** What an adapter says of one kind of product, as Dawn's `subgroupMatrixConfigs` lists them. */
export interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Whether the kernels' product is among them. */
export const hasMatrixProduct = (configs: Iterable<MatrixConfig>): boolean =>
  [...configs].some(
    ({ componentType, resultComponentType, M, N, K }) =>
      componentType === "f16" && resultComponentType === "f32" && M === 16 && N === 16 && K === 16,
  );

/** A load of a matrix: its name, of which factor, by rows or columns, from what, and the elements from one to the next. */
const loadPattern =
  /^fn (\w+)\(at:\s*u32\)\s*->\s*(Left|Right)\s*\{\s*return subgroupMatrixLoad<\w+,\s*(row|col)_major>\(&(\w+),\s*at,\s*(\w+)\);\s*\}$/gm;

/**
 * The text with its matrix units imitated in plain WGSL, so that what surrounds them can be tested without: 32 invocations
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
    replaceText(loaded, extension, ""),
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
