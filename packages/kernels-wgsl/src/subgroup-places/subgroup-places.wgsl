enable subgroups;
diagnostic(off, subgroup_uniformity);

// Where the adapter puts the invocations of a workgroup: what the kernels that share loads in a subgroup rely on and WGSL
// leaves open. Each invocation fetches from its left neighbor's place, in a branch that whole subgroups take or leave.

struct Sizes {
  length: u32, // 64 * workgroups
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read_write> places: array<vec4u>; // subgroup size, place in it, neighbor's lane, 0

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_size) size: u32,
  @builtin(subgroup_invocation_id) place: u32,
) {
  var neighbor = 1000u;
  if (lane / 8u % 2u == workgroup.x % 2u) { neighbor = subgroupShuffle(lane, (lane + 7u) % 8u); }
  let index = workgroup.x * 64u + lane;
  if (index < sizes.length) { places[index] = vec4u(size, place, neighbor, 0u); }
}
