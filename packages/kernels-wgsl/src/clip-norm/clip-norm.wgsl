// The factor that clips gradients to a norm, from the sums of square-sums.wgsl: a single workgroup.

struct Sizes {
  count: u32,
  maxNorm: f32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<f32>; // [count]
@group(0) @binding(2) var<storage, read> hyper: array<f32>; // [8] of an optimizer; [10] where SCALED
@group(0) @binding(3) var<storage, read_write> clippedHyper: array<f32>; // [10]: hyper, factor, 1 to take the step

const LANES: u32 = 256;
const SCALED = false; // tunable: whether the gradients have a factor already, and the step may be skipped
var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var index = lane; index < sizes.count; index += LANES) { sum += partials[index]; }
  sums[lane] = sum;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane != 0u) { return; }
  var factor = 1.0;
  var taken = 1.0;
  if (SCALED) {
    factor = hyper[8];
    taken = hyper[9];
  }
  let norm = sqrt(sums[0]) * factor;
  for (var i = 0u; i < 8u; i++) { clippedHyper[i] = hyper[i]; }
  clippedHyper[8] = factor * min(1.0, sizes.maxNorm / (norm + 1e-6));
  clippedHyper[9] = taken;
}
