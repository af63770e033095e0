// Products of matrices, one for each head: one invocation computes one element.
// output[head, r, c] = sum over s of matrix[head, r, s] factor[head, s, c], the matrix read by rows or by columns.

alias real = f32;

struct Sizes {
  heads: u32, // of all images together
  rows: u32,
  terms: u32,
  columns: u32,
  rowStride: u32, // of the matrix
  termStride: u32, // of the matrix
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> matrix: array<real>; // [b, h, rows, terms] or [b, h, terms, rows]
@group(0) @binding(2) var<storage, read> factor: array<real>; // [b, h, terms, columns]
@group(0) @binding(3) var<storage, read_write> output: array<real>; // [b, h, rows, columns]

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  let row = index / sizes.columns; // (b, h, r)
  if (row >= sizes.heads * sizes.rows) { return; }
  let head = row / sizes.rows;
  var at = head * sizes.rows * sizes.terms + (row % sizes.rows) * sizes.rowStride;
  var place = head * sizes.terms * sizes.columns + index % sizes.columns;
  var sum = 0.0;
  for (var s = 0u; s < sizes.terms; s++) {
    sum += f32(matrix[at]) * f32(factor[place]);
    at += sizes.termStride;
    place += sizes.columns;
  }
  output[index] = real(sum);
}
