// Converts numbers to another type: one invocation converts one element.

alias Source = f32;
alias Result = f32;

struct Sizes {
  length: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> input: array<Source>; // [length]
@group(0) @binding(2) var<storage, read_write> output: array<Result>; // [length]

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  if (index < sizes.length) { output[index] = Result(input[index]); }
}
