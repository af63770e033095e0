// Random numbers by Philox4x32-10: one invocation writes four elements.

alias real = f32;

struct Sizes {
  length: u32,
  normal: u32, // 1: normal distribution, 0: uniform
  offset: f32, // low, or the mean
  scale: f32, // high - low, or the standard deviation
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> key: array<u32>; // [4]: seed, purpose, two words of the stream
@group(0) @binding(2) var<storage, read_write> output: array<real>; // [length]

const LANES: u32 = 64;

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

// Two independent normal numbers from two of [0, 1); the logarithm's argument is in (0, 1].
fn boxMuller(a: f32, b: f32) -> vec2f {
  let radius = sqrt(max(-2.0 * log(1.0 - a), 0.0));
  return radius * vec2f(sinTurns(b + 0.25), sinTurns(b));
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let block = (workgroup.x + workgroup.y * workgroups.x) * LANES + lane;
  let words = philox4x32(vec4u(block, 0u, key[2], key[3]), vec2u(key[0], key[1]));
  var values = vec4f(words >> vec4u(8u)) * 0.000000059604644775390625; // 2^-24
  if (sizes.normal == 1u) { values = vec4f(boxMuller(values.x, values.y), boxMuller(values.z, values.w)); }
  for (var i = 0u; i < 4u; i++) {
    let index = 4u * block + i;
    if (index < sizes.length) { output[index] = real(sizes.offset + sizes.scale * values[i]); }
  }
}
