// A gamma curve over the range of an image, as said of each; mean and standard deviation stay. One workgroup changes one image.

struct Sizes {
  images: u32,
  plane: u32, // pixels of an image
  inverted: u32, // 1: the curve of the image turned upside down
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> image: array<f32>; // [images, h, w]
@group(0) @binding(2) var<storage, read> changes: array<f32>; // [images, 7], see packIntensityChanges
@group(0) @binding(3) var<storage, read_write> output: array<f32>; // [images, h, w]

const LANES: u32 = 256;
const WORDS: u32 = 7;
const LEAST_RANGE: f32 = 1e-7;
var<workgroup> sums: array<vec3f, LANES>;

// The sum of what all invocations have, known to all.
fn together(lane: u32, value: vec3f) -> vec3f {
  workgroupBarrier();
  sums[lane] = value;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  workgroupBarrier();
  return sums[0];
}

// The least and the largest of what all invocations have.
fn rangeOf(lane: u32, least: f32, largest: f32) -> vec2f {
  workgroupBarrier();
  sums[lane] = vec3f(least, largest, 0.0);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      let other = sums[lane + half];
      sums[lane] = vec3f(min(sums[lane].x, other.x), max(sums[lane].y, other.y), 0.0);
    }
  }
  workgroupBarrier();
  return sums[0].xy;
}

fn curve(value: f32, range: vec2f, gamma: f32) -> f32 {
  let width = max(range.y - range.x, LEAST_RANGE);
  let share = select(value - range.x, range.y - value, sizes.inverted == 1u) / width;
  let bent = width * select(pow(max(share, 1e-30), gamma), 0.0, share <= 0.0);
  return select(range.x + bent, range.y - bent, sizes.inverted == 1u);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = workgroup.x + workgroup.y * workgroups.x;
  let end = select(0u, sizes.plane, n < sizes.images);
  let first = n * sizes.plane;
  let gamma = changes[min(n, sizes.images - 1u) * WORDS + 6u - sizes.inverted];
  var sum = 0.0;
  var least = image[min(first, sizes.images * sizes.plane - 1u)];
  var largest = least;
  for (var pixel = lane; pixel < end; pixel += LANES) {
    let value = image[first + pixel];
    sum += value;
    least = min(least, value);
    largest = max(largest, value);
  }
  let count = f32(sizes.plane);
  let range = rangeOf(lane, least, largest);
  let mean = together(lane, vec3f(sum, 0.0, 0.0)).x / count;
  var squares = 0.0;
  var bent = 0.0;
  for (var pixel = lane; pixel < end; pixel += LANES) {
    let value = image[first + pixel];
    squares += (value - mean) * (value - mean);
    bent += curve(value, range, gamma);
  }
  let second = together(lane, vec3f(squares, bent, 0.0));
  let bentMean = second.y / count;
  var bentSquares = 0.0;
  for (var pixel = lane; pixel < end; pixel += LANES) {
    let distance = curve(image[first + pixel], range, gamma) - bentMean;
    bentSquares += distance * distance;
  }
  let bentDeviation = sqrt(together(lane, vec3f(bentSquares, 0.0, 0.0)).x / count);
  let scale = sqrt(second.x / count) / max(bentDeviation, LEAST_RANGE);
  for (var pixel = lane; pixel < end; pixel += LANES) {
    let value = image[first + pixel];
    let changed = mean + (curve(value, range, gamma) - bentMean) * scale;
    output[first + pixel] = select(changed, value, gamma == 1.0);
  }
}
