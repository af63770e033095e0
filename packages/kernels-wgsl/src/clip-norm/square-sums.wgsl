// Sums of squares of a flat array: one workgroup sums a segment.

struct Sizes {
  length: u32,
  segments: u32,
  segmentLength: u32,
  first: u32, // where the sums of this array begin
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> gradients: array<f32>; // [length]
@group(0) @binding(2) var<storage, read_write> partials: array<f32>; // [segments] from `first` on

const LANES: u32 = 64;
var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let segment = workgroup.x + workgroup.y * workgroups.x;
  let start = segment * sizes.segmentLength;
  let end = select(0u, min(start + sizes.segmentLength, sizes.length), segment < sizes.segments);
  var sum = 0.0;
  for (var index = start + lane; index < end; index += LANES) { sum += gradients[index] * gradients[index]; }
  sums[lane] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u && segment < sizes.segments) { partials[sizes.first + segment] = sums[0]; }
}
