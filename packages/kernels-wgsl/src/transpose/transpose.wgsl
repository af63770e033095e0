// Rows and columns of each matrix swapped: one invocation writes one element.

alias real = f32;

struct Sizes {
  matrices: u32,
  rows: u32, // of the input
  columns: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<real>; // [matrices, rows, columns]
@group(0) @binding(2) var<storage, read_write> output: array<real>; // [matrices, columns, rows]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let index = id.x + id.y * workgroups.x * 64u;
  let length = sizes.rows * sizes.columns;
  if (index >= sizes.matrices * length) { return; }
  let element = index % length;
  let row = element % sizes.rows;
  let column = element / sizes.rows;
  output[index] = input[index - element + row * sizes.columns + column];
}
