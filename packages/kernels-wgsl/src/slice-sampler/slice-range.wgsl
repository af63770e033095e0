// The least and the greatest HU of CT slices that are clipped to the window. One workgroup looks through one slice.

struct Sizes {
  batch: u32,
  slotPixels: u32, // from one slice to the next
  coefficientPixels: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> pixels: array<u32>; // [batch, slotPixels / 2]: two int16 a word
@group(0) @binding(2) var<storage, read> samples: array<u32>; // [batch, 18], see packSamples
@group(0) @binding(3) var<storage, read_write> ranges: array<f32>; // [batch, 2]

const LANES: u32 = 64;
const WORDS: u32 = 18;

var<workgroup> least: array<f32, LANES>;
var<workgroup> greatest: array<f32, LANES>;

fn number(at: u32) -> f32 { return bitcast<f32>(samples[at]); }

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = workgroup.x + workgroup.y * workgroups.x;
  if (n >= sizes.batch) { return; }
  let at = n * WORDS;
  // From the far end of the window, which no pixel is beyond.
  var low = number(at + 7u);
  var high = number(at + 6u);
  let end = samples[at] * samples[at + 1u];
  for (var i = lane; i < end; i += LANES) {
    let pixel = n * sizes.slotPixels + i;
    let stored = extractBits(bitcast<i32>(pixels[pixel / 2u]), 16u * (pixel % 2u), 16u);
    let value = clamp(f32(stored) * number(at + 4u) + number(at + 5u), number(at + 6u), number(at + 7u));
    low = min(low, value);
    high = max(high, value);
  }
  least[lane] = low;
  greatest[lane] = high;
  workgroupBarrier();
  if (lane > 0u) { return; }
  for (var i = 1u; i < LANES; i++) {
    low = min(low, least[i]);
    high = max(high, greatest[i]);
  }
  ranges[2u * n] = low;
  ranges[2u * n + 1u] = high;
}
