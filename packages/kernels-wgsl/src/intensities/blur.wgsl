// Gaussian blur, as much as is said of each image: one invocation computes one pixel. Beyond its edges an image is mirrored.

struct Sizes {
  images: u32,
  height: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> image: array<f32>; // [images, h, w]
@group(0) @binding(2) var<storage, read> changes: array<f32>; // [images, 7], see packIntensityChanges
@group(0) @binding(3) var<storage, read_write> output: array<f32>; // [images, h, w]

const LANES: u32 = 64;
const WORDS: u32 = 7;

// The pixel that stands for the one at `at`, of `count`: d c b a | a b c d | d c b a.
fn mirrored(at: i32, count: i32) -> u32 {
  let place = ((at % (2 * count)) + 2 * count) % (2 * count);
  return u32(select(place, 2 * count - 1 - place, place >= count));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  let plane = sizes.height * sizes.width;
  if (index >= sizes.images * plane) { return; }
  let deviation = changes[index / plane * WORDS];
  if (deviation == 0.0) {
    output[index] = image[index];
    return;
  }
  let first = index / plane * plane;
  let x = i32(index % sizes.width);
  let y = i32(index % plane / sizes.width);
  let radius = i32(4.0 * deviation + 0.5);
  let falloff = -0.5 / (deviation * deviation);
  var sum = 0.0;
  var total = 0.0;
  for (var row = -radius; row <= radius; row++) {
    var rowSum = 0.0;
    var rowTotal = 0.0;
    let start = first + mirrored(y + row, i32(sizes.height)) * sizes.width;
    for (var column = -radius; column <= radius; column++) {
      let weight = exp(falloff * f32(column * column));
      rowSum += weight * image[start + mirrored(x + column, i32(sizes.width))];
      rowTotal += weight;
    }
    let weight = exp(falloff * f32(row * row));
    sum += weight * rowSum;
    total += weight * rowTotal;
  }
  output[index] = sum / total;
}
