// Coefficients of the cubic splines through the columns of what spline-rows made: those of slices. One invocation writes one.

struct Sizes {
  batch: u32,
  slotPixels: u32,
  coefficientPixels: u32, // from the coefficients of one slice to those of the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> rows: array<f32>; // [batch, coefficientPixels]: each height × (width + 4)
@group(0) @binding(2) var<storage, read> samples: array<u32>; // [batch, 18], see packSamples
@group(0) @binding(3) var<storage, read_write> coefficients: array<f32>; // [batch, coefficientPixels]: each (height + 4) × (width + 4)

const LANES: u32 = 64;
const WORDS: u32 = 18;
const MARGIN: u32 = 2;
const REACH: i32 = 12; // what is farther weighs less than 1e-7
const POLE: f32 = -0.267949192431122706; // √3 − 2
const GAIN: f32 = 1.732050807568877294; // √3

fn rowAt(first: u32, stride: u32, y: i32, height: i32) -> f32 {
  return rows[first + u32(clamp(y, 0, height - 1)) * stride];
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
  let height = i32(samples[n * WORDS + 1u]);
  let stride = samples[n * WORDS] + 2u * MARGIN;
  let y = i32(index % sizes.coefficientPixels / stride) - i32(MARGIN);
  if (y >= height + i32(MARGIN)) { return; }
  let first = n * sizes.coefficientPixels + index % sizes.coefficientPixels % stride;
  var sum = rowAt(first, stride, y, height);
  var weight = 1.0;
  for (var k = 1; k <= REACH; k++) {
    weight *= POLE;
    sum += weight * (rowAt(first, stride, y - k, height) + rowAt(first, stride, y + k, height));
  }
  coefficients[index] = GAIN * sum;
}
