// Gradient of attention by the products of query and key: one workgroup computes one query's row.

alias real = f32;

struct Sizes {
  heads: u32, // of all images together
  queries: u32,
  keys: u32,
  valueDepth: u32,
  scale: f32, // 1 / sqrt(depth)
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> attention: array<real>; // [b, h, lq, lk]
@group(0) @binding(2) var<storage, read> value: array<real>; // [b, h, lk, dv]
@group(0) @binding(3) var<storage, read> gradOutput: array<real>; // [b, h, lq, dv]
@group(0) @binding(4) var<storage, read_write> gradScores: array<real>; // [b, h, lq, lk]

const LANES: u32 = 64;
const CACHED: u32 = 2048;
var<workgroup> kept: array<vec2f, LANES>;
var<workgroup> gradients: array<f32, CACHED>; // by the weights of the first keys; further ones are computed again

// The gradient by the attention weight of key j.
fn gradientOf(row: u32, j: u32) -> f32 {
  let left = row * sizes.valueDepth;
  let right = ((row / sizes.queries) * sizes.keys + j) * sizes.valueDepth;
  var gradient = 0.0;
  for (var e = 0u; e < sizes.valueDepth; e++) { gradient += f32(gradOutput[left + e]) * f32(value[right + e]); }
  return gradient;
}

// An invocation asks only for gradients that it kept itself.
fn keptGradient(row: u32, j: u32) -> f32 {
  if (j < CACHED) { return gradients[j]; }
  return gradientOf(row, j);
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = workgroup.x + workgroup.y * workgroups.x; // (b, h, query)
  let keys = select(0u, sizes.keys, row < sizes.heads * sizes.queries);
  let weights = row * sizes.keys;

  // Gradients count from that of the largest weight: nothing cancels where one key takes nearly all.
  var largest = vec2f(-1.0, 0.0); // weight, gradient
  for (var j = lane; j < keys; j += LANES) {
    let gradient = gradientOf(row, j);
    let weight = f32(attention[weights + j]);
    if (weight > largest.x) { largest = vec2f(weight, gradient); }
    if (j < CACHED) { gradients[j] = gradient; }
  }
  kept[lane] = largest;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half && kept[lane + half].x > kept[lane].x) { kept[lane] = kept[lane + half]; }
  }
  workgroupBarrier();
  let origin = kept[0].y;
  workgroupBarrier();

  var mean = 0.0;
  for (var j = lane; j < keys; j += LANES) { mean += f32(attention[weights + j]) * (keptGradient(row, j) - origin); }
  kept[lane].x = mean;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { kept[lane].x += kept[lane + half].x; }
  }
  workgroupBarrier();
  mean = kept[0].x;
  for (var j = lane; j < keys; j += LANES) {
    let weight = f32(attention[weights + j]);
    gradScores[weights + j] = real(weight * (keptGradient(row, j) - origin - mean) * sizes.scale);
  }
}
