// Images of samples that are deformed as is said of each: one invocation computes one pixel, bilinearly from where its content
// was. Beyond the edges the nearest pixel counts.

struct Sizes {
  images: u32, // of all channels
  channels: u32, // of a sample, which are deformed alike
  height: u32,
  width: u32,
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> image: array<f32>; // [samples, channels, h, w]
@group(0) @binding(2) var<storage, read> deformations: array<u32>; // [samples, 3], see packDeformations
@group(0) @binding(3) var<storage, read_write> output: array<f32>; // [samples, channels, h, w]

const LANES: u32 = 64;
const WORDS: u32 = 3;

// The upper word of the 64-bit product.
fn multiplyHigh(a: u32, b: u32) -> u32 {
  let middle = (a & 0xffffu) * (b >> 16u) + (((a & 0xffffu) * (b & 0xffffu)) >> 16u);
  let upper = (a >> 16u) * (b & 0xffffu) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (upper >> 16u);
}

fn philox4x32(start: vec4u, seed: vec2u) -> vec4u {
  var c = start;
  var k = seed;
  for (var round = 0u; round < 10u; round++) {
    let high0 = multiplyHigh(0xd2511f53u, c.x);
    let high1 = multiplyHigh(0xcd9e8d57u, c.z);
    c = vec4u(high1 ^ c.y ^ k.x, 0xcd9e8d57u * c.z, high0 ^ c.w ^ k.y, 0xd2511f53u * c.x);
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}

// sin(2π · turns) to seven digits, which WGSL's own need not have: Taylor's series on a quarter turn either way.
fn sinTurns(turns: f32) -> f32 {
  let quarters = 4.0 * (turns - round(turns)); // from -2 to 2
  let z = select(quarters, sign(quarters) * 2.0 - quarters, abs(quarters) > 1.0);
  let s = z * z;
  return z * (1.57079637 + s * (-0.645964098 + s * (0.0796926262 + s * (-0.00468175414 + s * (0.000160441185 - s * 0.00000359884324)))));
}

// Two independent normal numbers that depend on the seed and the control point alone.
fn normals(seed: u32, control: u32) -> vec2f {
  let words = philox4x32(vec4u(control, 1u, 0u, 0u), vec2u(seed, 0u));
  let uniforms = vec2f(words.xy >> vec2u(8u)) * 0.000000059604644775390625; // 2^-24
  let radius = sqrt(max(-2.0 * log(1.0 - uniforms.x), 0.0));
  return radius * vec2f(sinTurns(uniforms.y + 0.25), sinTurns(uniforms.y));
}

// Weights of the four control points around a place at t of its cell.
fn splineWeights(t: f32) -> vec4f {
  let s = 1.0 - t;
  return vec4f(s * s * s, 3.0 * t * t * t - 6.0 * t * t + 4.0, 3.0 * s * s * s - 6.0 * s * s + 4.0, t * t * t) / 6.0;
}

// Where the content of a pixel of sample n was, from the middle of pixel (0, 0).
fn sourceOf(n: u32, x: u32, y: u32) -> vec2f {
  let at = vec2f(f32(x), f32(y));
  let deviation = bitcast<f32>(deformations[n * WORDS]);
  if (deviation == 0.0) { return at; }
  let cells = deformations[n * WORDS + 1u];
  let seed = deformations[n * WORDS + 2u];
  let place = (at + 0.5) * f32(cells) / vec2f(f32(sizes.width), f32(sizes.height));
  let cell = min(vec2u(place), vec2u(cells - 1u));
  let alongX = splineWeights(place.x - f32(cell.x));
  let alongY = splineWeights(place.y - f32(cell.y));
  var moved = vec2f();
  for (var j = 0u; j < 4u; j++) {
    for (var i = 0u; i < 4u; i++) {
      moved += alongX[i] * alongY[j] * normals(seed, (cell.y + j) * (cells + 3u) + cell.x + i);
    }
  }
  return clamp(at + deviation * moved, vec2f(0.0), vec2f(f32(sizes.width - 1u), f32(sizes.height - 1u)));
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
  let first = index / plane * plane;
  let source = sourceOf(index / plane / sizes.channels, index % sizes.width, index % plane / sizes.width);
  let low = vec2u(source);
  let high = min(low + 1u, vec2u(sizes.width - 1u, sizes.height - 1u));
  let t = source - vec2f(low);
  let top = first + low.y * sizes.width;
  let bottom = first + high.y * sizes.width;
  let upper = image[top + low.x] + t.x * (image[top + high.x] - image[top + low.x]);
  let lower = image[bottom + low.x] + t.x * (image[bottom + high.x] - image[bottom + low.x]);
  output[index] = upper + t.y * (lower - upper);
}
