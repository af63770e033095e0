// Finds infinities and NaN among gradients: one invocation looks at sixteen of them.

struct Sizes {
  length: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
// As bits: WGSL lets a compiler assume that no f32 is infinite or NaN.
@group(0) @binding(1) var<storage, read> gradients: array<u32>; // [length], f32
@group(0) @binding(2) var<storage, read_write> found: array<atomic<u32>>; // [1], set to 1

const LANES: u32 = 64;
const STEPS: u32 = 16;
const EXPONENT: u32 = 0x7f800000u;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first = (workgroup.x + workgroup.y * workgroups.x) * LANES * STEPS + lane;
  var overflows = 0u;
  for (var step = 0u; step < STEPS; step++) {
    let index = first + step * LANES;
    if (index < sizes.length) { overflows |= u32((gradients[index] & EXPONENT) == EXPONENT); }
  }
  // A bit that all set alike does not depend on their order.
  if (overflows != 0u) { atomicOr(&found[0], 1u); }
}
