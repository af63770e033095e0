// Images as if they had been taken at a lower resolution, as low as is said of each: one invocation computes one pixel. A coarse
// pixel is the nearest fine one; between coarse pixels it is linear.

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

// The fine pixel in the middle of a coarse one; whole numbers, so that no rounding moves it.
fn fine(coarse: u32, fineCount: u32, coarseCount: u32) -> u32 {
  return (2u * coarse + 1u) * fineCount / (2u * coarseCount);
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
  let n = index / plane;
  let rows = u32(changes[n * WORDS + 3u]);
  let columns = u32(changes[n * WORDS + 4u]);
  if (rows == 0u || columns == 0u) {
    output[index] = image[index];
    return;
  }
  let extents = vec2f(f32(sizes.width), f32(sizes.height));
  let counts = vec2f(f32(columns), f32(rows));
  let at = vec2f(f32(index % sizes.width), f32(index % plane / sizes.width)) + 0.5;
  let place = max(at * counts / extents - 0.5, vec2f(0.0));
  let low = min(vec2u(place), vec2u(columns - 1u, rows - 1u));
  let high = min(low + 1u, vec2u(columns - 1u, rows - 1u));
  let t = place - vec2f(low);
  let left = fine(low.x, sizes.width, columns);
  let right = fine(high.x, sizes.width, columns);
  let top = n * plane + fine(low.y, sizes.height, rows) * sizes.width;
  let bottom = n * plane + fine(high.y, sizes.height, rows) * sizes.width;
  let upper = mix(image[top + left], image[top + right], t.x);
  let lower = mix(image[bottom + left], image[bottom + right], t.x);
  output[index] = mix(upper, lower, t.y);
}
