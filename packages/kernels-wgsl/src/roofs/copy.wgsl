// Copies an array: nothing but memory traffic, to learn how much of it an adapter has in a second.

struct Sizes {
  length: u32, // in vec4f
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<vec4f>; // [length]
@group(0) @binding(2) var<storage, read_write> output: array<vec4f>; // [length]

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.length) { return; }
  output[index] = input[index];
}
