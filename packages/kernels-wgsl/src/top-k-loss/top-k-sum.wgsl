// Sums of the values above the k-th largest: a workgroup sums a part of them in a fixed order.

struct Sizes {
  count: u32, // values
  segmentLength: u32, // values of a workgroup
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> values: array<f32>; // [count]
@group(0) @binding(2) var<storage, read> selection: array<u32>; // [PASSES, 3], see top-k-select.wgsl
@group(0) @binding(3) var<storage, read_write> partials: array<f32>; // [workgroups]

const LANES: u32 = 256;
const PASSES: u32 = 3;
var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let threshold = selection[3u * (PASSES - 1u)];
  let first = workgroup.x * sizes.segmentLength;
  let end = min(first + sizes.segmentLength, sizes.count);
  var sum = 0.0;
  for (var i = first + lane; i < end; i += LANES) {
    let value = values[i];
    if ((bitcast<u32>(value) & 0x7fffffffu) > threshold) { sum += value; }
  }
  sums[lane] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { partials[workgroup.x] = sums[0]; }
}
