// The next digit of the bits of the k-th largest value, from the histograms of top-k-histogram.wgsl. One workgroup adds them up;
// one of its invocations goes through them from the top.

struct Sizes {
  workgroups: u32, // that counted
  digit: u32, // digits that are found already
  shift: u32, // lowest bit of this digit
  digits: u32, // values that it may have, at most BINS
  k: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> histograms: array<u32>; // [workgroups, BINS]
// [passes, 3]: bits that are found; how many of the values that begin with them belong to the k largest; how many such there are.
@group(0) @binding(2) var<storage, read_write> selection: array<u32>;

const LANES: u32 = 256;
const BINS: u32 = 2048;
var<workgroup> counts: array<u32, BINS>;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var bin = lane; bin < sizes.digits; bin += LANES) {
    var total = 0u;
    for (var i = 0u; i < sizes.workgroups; i++) { total += histograms[i * BINS + bin]; }
    counts[bin] = total;
  }
  workgroupBarrier();
  if (lane > 0u) { return; }
  let at = 3u * sizes.digit;
  var found = 0u;
  var wanted = sizes.k;
  if (sizes.digit > 0u) {
    found = selection[at - 3u];
    wanted = selection[at - 2u];
  }
  var digit = sizes.digits - 1u;
  while (digit > 0u && counts[digit] < wanted) {
    wanted -= counts[digit];
    digit--;
  }
  selection[at] = found | (digit << sizes.shift);
  selection[at + 1u] = wanted;
  selection[at + 2u] = counts[digit];
}
