// Brightness and contrast, as much as is said of each image: one workgroup changes one image.

struct Sizes {
  images: u32,
  plane: u32, // pixels of an image
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> image: array<f32>; // [images, h, w]
@group(0) @binding(2) var<storage, read> changes: array<f32>; // [images, 7], see packIntensityChanges
@group(0) @binding(3) var<storage, read_write> output: array<f32>; // [images, h, w]

const LANES: u32 = 256;
const WORDS: u32 = 7;
var<workgroup> statistics: array<vec3f, LANES>; // sum, least, largest

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let n = workgroup.x + workgroup.y * workgroups.x;
  let end = select(0u, sizes.plane, n < sizes.images);
  let first = n * sizes.plane;
  var sum = 0.0;
  var least = image[min(first, sizes.images * sizes.plane - 1u)];
  var largest = least;
  for (var pixel = lane; pixel < end; pixel += LANES) {
    let value = image[first + pixel];
    sum += value;
    least = min(least, value);
    largest = max(largest, value);
  }
  statistics[lane] = vec3f(sum, least, largest);
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      let own = statistics[lane];
      let other = statistics[lane + half];
      statistics[lane] = vec3f(own.x + other.x, min(own.y, other.y), max(own.z, other.z));
    }
  }
  workgroupBarrier();
  if (n >= sizes.images) { return; }
  let brightness = changes[n * WORDS + 1u];
  let contrast = changes[n * WORDS + 2u];
  let mean = statistics[0].x / f32(sizes.plane) * brightness;
  let range = statistics[0].yz * brightness;
  for (var pixel = lane; pixel < end; pixel += LANES) {
    var value = image[first + pixel] * brightness;
    if (contrast != 1.0) { value = clamp(mean + (value - mean) * contrast, range.x, range.y); }
    output[first + pixel] = value;
  }
}
