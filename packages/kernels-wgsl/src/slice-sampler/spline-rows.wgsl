// Coefficients of the cubic splines through the rows of CT slices, of HU that are clipped to the window: one invocation
// writes one. Beyond the edge of a slice its edge goes on, and coefficients reach two pixels beyond it.

struct Sizes {
  batch: u32,
  slotPixels: u32, // from one slice to the next
  coefficientPixels: u32, // from the coefficients of one slice to those of the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> pixels: array<u32>; // [batch, slotPixels / 2]: two int16 a word
@group(0) @binding(2) var<storage, read> samples: array<u32>; // [batch, 18], see packSamples
@group(0) @binding(3) var<storage, read_write> rows: array<f32>; // [batch, coefficientPixels]: each height × (width + 4)

const LANES: u32 = 64;
const WORDS: u32 = 18;
const MARGIN: u32 = 2;
const REACH: i32 = 12; // what is farther weighs less than 1e-7
const POLE: f32 = -0.267949192431122706; // √3 − 2
const GAIN: f32 = 1.732050807568877294; // √3

fn number(at: u32) -> f32 { return bitcast<f32>(samples[at]); }

fn hounsfield(first: u32, at: u32, x: i32, width: i32) -> f32 {
  let pixel = first + u32(clamp(x, 0, width - 1));
  let stored = extractBits(bitcast<i32>(pixels[pixel / 2u]), 16u * (pixel % 2u), 16u);
  return clamp(f32(stored) * number(at + 4u) + number(at + 5u), number(at + 6u), number(at + 7u));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  let n = index / sizes.coefficientPixels;
  if (n >= sizes.batch) { return; }
  let at = n * WORDS;
  let width = samples[at];
  let stride = width + 2u * MARGIN;
  let y = index % sizes.coefficientPixels / stride;
  if (y >= samples[at + 1u]) { return; }
  let first = n * sizes.slotPixels + y * width;
  let x = i32(index % sizes.coefficientPixels % stride) - i32(MARGIN);
  var sum = hounsfield(first, at, x, i32(width));
  var weight = 1.0;
  for (var k = 1; k <= REACH; k++) {
    weight *= POLE;
    sum += weight * (hounsfield(first, at, x - k, i32(width)) + hounsfield(first, at, x + k, i32(width)));
  }
  rows[index] = GAIN * sum;
}
