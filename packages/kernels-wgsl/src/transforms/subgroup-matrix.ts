import { KernelDeclarationError } from "../contract/kernel.js";
import { replaceDefinition, replaceText } from "./wgsl-text.js";

/**
 * Matrix units: products of matrices of 16 × 16 that a subgroup of 32 holds together, f16 with sums in f32.
 *
 * A file that uses them enables Dawn's experimental extension and keeps all of it in three aliases and five functions:
 *
 *     var<workgroup> leftMatrices: array<f16, …>;    var<workgroup> rightMatrices: array<f16, …>;
 *     var<workgroup> results: array<f32, …>;
 *     alias Left = …;  alias Right = …;  alias Sums = …;
 *     fn subgroupOf(lane: u32, id: u32) -> u32      which of the workgroup's subgroups of 32 this is, called first
 *     fn loadLeft(at: u32) -> Left                  rows of SLAB elements, from `at` on
 *     fn loadRight(at: u32) -> Right                columns of SLAB elements, from `at` on
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

/**
 * The text with its matrix units imitated in plain WGSL, so that what surrounds them can be tested without: 32 invocations
 * each hold eight neighboring elements of the sums and read the factors where they are, which is right as long as nobody
 * writes there between a load and its product.
 */
export function withEmulatedMatrices(source: string): string {
  if (!usesMatrices(source)) throw new KernelDeclarationError("the kernel enables no subgroup matrices");
  const types: readonly [RegExp, string][] = [
    [/^alias Left = .*$/m, "struct Left { at: u32 }"],
    [/^alias Right = .*$/m, "struct Right { at: u32 }"],
    [/^alias Sums = .*$/m, "struct Sums { row: array<f32, 8> }\nvar<private> matrixLane: u32;"],
  ];
  const text = types.reduce(
    (result, [pattern, type]) => replaceText(result, pattern, type),
    replaceText(source, extension, ""),
  );
  const definitions = {
    subgroupOf: `fn subgroupOf(lane: u32, id: u32) -> u32 {
  matrixLane = lane % 32u;
  return lane / 32u;
}`,
    loadLeft: "fn loadLeft(at: u32) -> Left { return Left(at); }",
    loadRight: "fn loadRight(at: u32) -> Right { return Right(at); }",
    multiplyAdd: `fn multiplyAdd(left: Left, right: Right, sums: Sums) -> Sums {
  var next = sums;
  let row = left.at + matrixLane / 2u * SLAB;
  let once = min(sizes.width, 1u); // which a compiler does not know: written out, these loops take it a minute
  for (var i = 0u; i < 8u * once; i++) {
    let column = right.at + (matrixLane % 2u * 8u + i) * SLAB;
    for (var k = 0u; k < 16u * once; k++) { next.row[i] += f32(leftMatrices[row + k]) * f32(rightMatrices[column + k]); }
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
