// Scaled dot-product attention: one workgroup computes one query's attention weights and output.

alias real = f32;

struct Sizes {
  heads: u32, // of all images together
  queries: u32,
  keys: u32,
  depth: u32, // of queries and keys
  valueDepth: u32,
  scale: f32, // 1 / sqrt(depth)
}

@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> query: array<real>; // [b, h, lq, d]
@group(0) @binding(2) var<storage, read> key: array<real>; // [b, h, lk, d]
@group(0) @binding(3) var<storage, read> value: array<real>; // [b, h, lk, dv]
@group(0) @binding(4) var<storage, read_write> attention: array<real>; // [b, h, lq, lk]
@group(0) @binding(5) var<storage, read_write> output: array<real>; // [b, h, lq, dv]

const LANES: u32 = 64;
const CACHED: u32 = 2048;
var<workgroup> kept: array<f32, LANES>;
var<workgroup> scores: array<f32, CACHED>; // of the first keys; those of further ones are computed again

fn largestOf(lane: u32, value: f32) -> f32 {
  kept[lane] = value;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { kept[lane] = max(kept[lane], kept[lane + half]); }
  }
  workgroupBarrier();
  let result = kept[0];
  workgroupBarrier();
  return result;
}

fn sumOf(lane: u32, value: f32) -> f32 {
  kept[lane] = value;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { kept[lane] += kept[lane + half]; }
  }
  workgroupBarrier();
  let result = kept[0];
  workgroupBarrier();
  return result;
}

fn scoreOf(row: u32, j: u32) -> f32 {
  let left = row * sizes.depth;
  let right = ((row / sizes.queries) * sizes.keys + j) * sizes.depth;
  var score = 0.0;
  for (var d = 0u; d < sizes.depth; d++) { score += f32(query[left + d]) * f32(key[right + d]); }
  return score * sizes.scale;
}

// An invocation asks only for scores that it kept itself.
fn keptScore(row: u32, j: u32) -> f32 {
  if (j < CACHED) { return scores[j]; }
  return scoreOf(row, j);
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

  var largest = -3.4e38;
  for (var j = lane; j < keys; j += LANES) {
    let score = scoreOf(row, j);
    largest = max(largest, score);
    if (j < CACHED) { scores[j] = score; }
  }
  largest = largestOf(lane, largest);
  var total = 0.0;
  for (var j = lane; j < keys; j += LANES) { total += exp(keptScore(row, j) - largest); }
  let scale = 1.0 / max(sumOf(lane, total), 1.0);
  for (var j = lane; j < keys; j += LANES) { attention[weights + j] = real(exp(keptScore(row, j) - largest) * scale); }
  storageBarrier();

  if (keys > 0u) {
    let values = (row / sizes.queries) * sizes.keys * sizes.valueDepth;
    for (var e = lane; e < sizes.valueDepth; e += LANES) {
      var sum = 0.0;
      for (var j = 0u; j < keys; j++) {
        sum += f32(attention[weights + j]) * f32(value[values + j * sizes.valueDepth + e]);
      }
      output[row * sizes.valueDepth + e] = real(sum);
    }
  }
}
