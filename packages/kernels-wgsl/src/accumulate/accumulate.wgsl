// Adds gradients of a part of a batch to those of the parts before: one invocation a parameter.

struct Sizes {
  length: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> accumulated: array<f32>; // [length]
@group(0) @binding(2) var<storage, read> gradients: array<f32>; // [length]
@group(0) @binding(3) var<storage, read> shares: array<f32>; // [2]: 0 for the first part, else 1; weight of this part

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index >= sizes.length) { return; }
  // Chosen and not multiplied by 0, so that what the last step left there, NaN included, has no effect.
  let before = select(0.0, accumulated[index], shares[0] != 0.0);
  accumulated[index] = before + shares[1] * gradients[index];
}
