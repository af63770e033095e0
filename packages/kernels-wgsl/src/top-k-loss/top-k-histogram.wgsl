// How many values have each of the digits that may come next in the bits of the k-th largest: a workgroup counts a part of
// the values that begin with the digits found so far. Bits of numbers that are not negative rise with the numbers.

struct Sizes {
  count: u32, // values
  digit: u32, // digits that are found already
  above: u32, // bit above those of this digit
  shift: u32, // its lowest bit
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> values: array<f32>; // [count]
@group(0) @binding(2) var<storage, read> selection: array<u32>; // [passes, 3], see top-k-select.wgsl
@group(0) @binding(3) var<storage, read_write> histograms: array<u32>; // [workgroups, BINS]

const LANES: u32 = 256;
const BINS: u32 = 2048;
// Integers, so that the order in which they are added changes nothing.
var<workgroup> counts: array<atomic<u32>, BINS>;

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  for (var bin = lane; bin < BINS; bin += LANES) { atomicStore(&counts[bin], 0u); }
  workgroupBarrier();
  var found = 0u;
  if (sizes.digit > 0u) { found = selection[3u * (sizes.digit - 1u)] >> sizes.above; }
  for (var i = workgroup.x * LANES + lane; i < sizes.count; i += workgroups.x * LANES) {
    let bits = bitcast<u32>(values[i]) & 0x7fffffffu;
    if (bits >> sizes.above == found) { atomicAdd(&counts[extractBits(bits, sizes.shift, sizes.above - sizes.shift)], 1u); }
  }
  workgroupBarrier();
  for (var bin = lane; bin < BINS; bin += LANES) {
    histograms[workgroup.x * BINS + bin] = atomicLoad(&counts[bin]);
  }
}
