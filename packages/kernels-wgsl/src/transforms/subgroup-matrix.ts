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

/** The line that a file which uses them begins with. */
export const matrixExtension = "enable chromium_experimental_subgroup_matrix;\n";

/** Whether a kernel's text needs matrix units. */
export const usesMatrices = (source: string): boolean => source.includes(matrixExtension);

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
