// Moves running averages towards the present values of a flat array: one invocation an element.

struct Sizes {
  length: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> averages: array<f32>; // [length]
@group(0) @binding(2) var<storage, read> values: array<f32>; // [length]
@group(0) @binding(3) var<storage, read> share: array<f32>; // [1]: the present value's, 0 to 1

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.length) { return; }
  let value = values[index];
  let moved = averages[index] + share[0] * (value - averages[index]);
  // A share of 1 takes the value itself, whatever the average was.
  averages[index] = select(moved, value, share[0] == 1.0);
}
