// The mean of the k largest values, from the sums of top-k-sum.wgsl: one workgroup.

struct Sizes {
  workgroups: u32, // that summed
  k: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<f32>; // [workgroups]
@group(0) @binding(2) var<storage, read> selection: array<u32>; // [PASSES, 3], see top-k-select.wgsl
// [4]: the mean; the k-th largest value, as bits; the weight of values above it in the mean; of values equal to it
@group(0) @binding(3) var<storage, read_write> result: array<f32>;

const LANES: u32 = 256;
const PASSES: u32 = 3;
var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < sizes.workgroups; i += LANES) { sum += partials[i]; }
  sums[lane] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane > 0u) { return; }
  let at = 3u * (PASSES - 1u);
  let threshold = bitcast<f32>(selection[at]);
  let weight = 1.0 / f32(sizes.k);
  // Of equal values, all have the same share: no order among them is better than another.
  let equal = f32(selection[at + 1u]);
  result[0] = (sums[0] + equal * threshold) * weight;
  result[1] = threshold;
  result[2] = weight;
  result[3] = weight * equal / f32(max(selection[at + 2u], 1u));
}
