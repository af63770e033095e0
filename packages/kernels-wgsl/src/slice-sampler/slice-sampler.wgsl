// Network inputs from CT slices: window, normalization, resampling and augmentation in one pass. One invocation writes one
// pixel of the image.

alias real = f32;

struct Sizes {
  batch: u32,
  height: u32,
  width: u32,
  slotPixels: u32, // from one slice to the next
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> pixels: array<u32>; // [batch, slotPixels / 2]: two int16 a word
@group(0) @binding(2) var<storage, read> samples: array<u32>; // [batch, 18], see packSamples
@group(0) @binding(3) var<storage, read_write> image: array<real>; // [batch, 1, height, width]

const LANES: u32 = 64;
const WORDS: u32 = 18;

struct Sample {
  width: u32,
  height: u32,
  supersample: u32,
  seed: u32,
  scale: f32,
  offset: f32,
  low: f32,
  high: f32,
  gain: f32,
  shift: f32,
  noise: f32,
  rowX: vec3f,
  rowY: vec3f,
  outside: f32,
}

fn number(at: u32) -> f32 { return bitcast<f32>(samples[at]); }

fn readSample(n: u32) -> Sample {
  let at = n * WORDS;
  return Sample(
    samples[at], samples[at + 1u], samples[at + 2u], samples[at + 3u],
    number(at + 4u), number(at + 5u), number(at + 6u), number(at + 7u), number(at + 8u), number(at + 9u), number(at + 10u),
    vec3f(number(at + 11u), number(at + 12u), number(at + 13u)),
    vec3f(number(at + 14u), number(at + 15u), number(at + 16u)),
    number(at + 17u),
  );
}

// HU of a pixel of the source, clipped to the window; what lies outside the source has a value of its own.
fn hounsfield(n: u32, s: Sample, x: i32, y: i32) -> f32 {
  if (x < 0 || y < 0 || x >= i32(s.width) || y >= i32(s.height)) { return s.outside; }
  let pixel = n * sizes.slotPixels + u32(y) * s.width + u32(x);
  let word = pixels[pixel / 2u];
  let stored = extractBits(bitcast<i32>(word), 16u * (pixel % 2u), 16u);
  return clamp(f32(stored) * s.scale + s.offset, s.low, s.high);
}

// Linear between a and b, and exactly a where t is 0.
fn between(a: f32, b: f32, t: f32) -> f32 { return a + t * (b - a); }

fn interpolated(n: u32, s: Sample, place: vec2f) -> f32 {
  // Far outside everything is the same; the bound keeps the conversion to integers defined.
  let p = clamp(place - 0.5, vec2f(-4.0), vec2f(f32(s.width), f32(s.height)) + 4.0);
  let corner = floor(p);
  let t = p - corner;
  let x = i32(corner.x);
  let y = i32(corner.y);
  // As most slices are taken: the other three weigh nothing.
  if (t.x == 0.0 && t.y == 0.0) { return hounsfield(n, s, x, y); }
  let upper = between(hounsfield(n, s, x, y), hounsfield(n, s, x + 1, y), t.x);
  let lower = between(hounsfield(n, s, x, y + 1), hounsfield(n, s, x + 1, y + 1), t.x);
  return between(upper, lower, t.y);
}

// Places of an output pixel that are averaged, along each axis.
fn placesAlong(s: Sample) -> u32 { return s.supersample; }

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

// A normal number that depends on the seed and the pixel alone.
fn normal(seed: u32, pixel: u32) -> f32 {
  let words = philox4x32(vec4u(pixel, 0u, 0u, 0u), vec2u(seed, 0u));
  let uniforms = vec2f(words.xy >> vec2u(8u)) * 0.000000059604644775390625; // 2^-24
  return sqrt(max(-2.0 * log(1.0 - uniforms.x), 0.0)) * sinTurns(uniforms.y + 0.25);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  let plane = sizes.height * sizes.width;
  if (index >= sizes.batch * plane) { return; }
  let n = index / plane;
  let pixel = index % plane;
  let s = readSample(n);
  let x = f32(pixel % sizes.width);
  let y = f32(pixel / sizes.width);
  let steps = placesAlong(s);
  var sum = 0.0;
  for (var j = 0u; j < steps; j++) {
    for (var i = 0u; i < steps; i++) {
      let inside = vec2f(f32(i) + 0.5, f32(j) + 0.5) / f32(steps);
      let at = vec3f(x + inside.x, y + inside.y, 1.0);
      sum += interpolated(n, s, vec2f(dot(s.rowX, at), dot(s.rowY, at)));
    }
  }
  var value = sum / f32(steps * steps) * s.gain + s.shift;
  if (s.noise > 0.0) { value += s.noise * normal(s.seed, pixel); }
  image[index] = real(value);
}
